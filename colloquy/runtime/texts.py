"""Small texts made from other texts."""

from __future__ import annotations

from collections.abc import Sequence

from google.genai import types


def user_content(text: str, files: Sequence[types.Part] = ()) -> types.Content:
    """A user's message as ADK takes it. One that is only files has no part of text before them."""
    said = [types.Part(text=text)] if text.strip() else []
    return types.Content(role="user", parts=[*said, *files])
