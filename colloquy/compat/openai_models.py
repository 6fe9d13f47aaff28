"""How the OpenAI library builds requests and parses responses. Works with openai 3.54."""

from __future__ import annotations

from openai._models import BaseModel, FinalRequestOptions

__all__ = ["BaseModel", "FinalRequestOptions"]
