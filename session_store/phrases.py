"""Small texts for people: numbers of things, and titles."""

from __future__ import annotations

import unicodedata
from typing import Final

from session_store.limits import LONGEST_REASON
from session_store.transcripts.markup import split_thoughts

TITLE_LENGTH: Final = 48
"""Characters of a title that is made of the beginning of a text."""
_PAUSES: Final = ",.;:- \u3001\u3002\uff0c\uff1b\uff1a"
_JOINER: Final = "\N{ZERO WIDTH JOINER}"
_MODIFIERS: Final = range(0x1F3FB, 0x1F400)
"""Signs that change the picture before them."""


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """``1 chat``, ``2 chats``, ``12,000 chats``. ``nouns`` is for what does not take an s."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def first_words(text: str, longest: int = TITLE_LENGTH) -> str:
    """The beginning of a text as a title: one line, cut between words where there are any, and never inside a letter.

    What a model thought is left out, unless it is all there is.
    """
    return _cut(without_thoughts(text), longest)


def without_thoughts(text: str) -> str:
    """A text on one line, without the thoughts of a model in it."""
    words = [piece.text for piece in split_thoughts(text) if not piece.is_thought]
    return " ".join(" ".join(words).split())


def shortened(line: str, longest: int) -> str:
    """A line of at most so many characters: where it has more, its beginning."""
    return line if len(line) <= longest else _cut(line, longest - 1)


def beginning_of(reason: str, longest: int = LONGEST_REASON) -> str:
    """A reason, or where it is very long, its beginning."""
    if len(reason) <= longest:
        return reason
    return f"{reason[:longest]}… (the first {longest:,} of {len(reason):,} characters)"


def _cut(line: str, longest: int) -> str:
    if len(line) <= longest:
        return line
    end = line.rfind(" ", longest // 2, longest + 1)
    if end < 0:  # Chinese, Japanese and Thai have no blanks, and addresses neither
        end = longest
        while end > 1 and (_belongs(line[end]) or line[end - 1] == _JOINER):
            end -= 1
    return line[:end].rstrip(_PAUSES) + "…"


def _belongs(sign: str) -> bool:
    """Whether a sign is a part of the letter or picture before it."""
    return unicodedata.category(sign).startswith("M") or sign == _JOINER or ord(sign) in _MODIFIERS
