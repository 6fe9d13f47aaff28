"""How OpenAI's library builds requests and reads answers. Holds for openai 3.54."""

from __future__ import annotations

from openai._models import BaseModel, FinalRequestOptions

__all__ = ["BaseModel", "FinalRequestOptions"]
