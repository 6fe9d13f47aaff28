"""Makes small texts from other texts."""

from __future__ import annotations

from collections.abc import Sequence

from google.genai import types


def user_content(text: str, files: Sequence[types.Part] = ()) -> types.Content:
    """Return a user's message in ADK's format. A message with only files has no text part before them."""
    said = [types.Part(text=text)] if text.strip() else []
    return types.Content(role="user", parts=[*said, *files])
