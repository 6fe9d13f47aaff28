"""Small texts made from other texts."""

from __future__ import annotations

from collections.abc import Sequence

from google.genai import types

TITLE_LENGTH = 48


def first_words(message: str) -> str:
    """The beginning of a message as a title: one line of at most ``TITLE_LENGTH`` characters, cut between words."""
    line = " ".join(message.split())
    if len(line) <= TITLE_LENGTH:
        return line
    cut = line[: TITLE_LENGTH + 1]
    return (cut.rpartition(" ")[0] or cut[:TITLE_LENGTH]).rstrip(",.;:- ") + "…"


def user_content(text: str, files: Sequence[types.Part] = ()) -> types.Content:
    """A user's message as ADK takes it. One that is only files has no part of text before them."""
    said = [types.Part(text=text)] if text.strip() else []
    return types.Content(role="user", parts=[*said, *files])
