"""Short texts for the user: counts, days, sizes and titles."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Final

from session_store.limits import LONGEST_REASON
from session_store.transcripts.markup import split_thoughts

TITLE_LENGTH: Final = 48
"""Characters of a title that is cut from the beginning of a text."""
_PAUSES: Final = ",.;:- \u3001\u3002\uff0c\uff1b\uff1a"
_JOINER: Final = "\N{ZERO WIDTH JOINER}"
_MODIFIERS: Final = range(0x1F3FB, 0x1F400)
"""Code points of the modifiers that change the emoji before them."""


def counted(number: float, noun: str, nouns: str | None = None) -> str:
    """Format a count: ``1 chat``, ``2 chats``, ``12,000 chats``, ``0.5 seconds``. ``nouns`` is an irregular plural."""
    return f"{number:,.15g} {noun if number == 1 else nouns or f'{noun}s'}"


def day_text(day: date) -> str:
    """Format a day: ``27 Nov 2026``."""
    return f"{day:%d %b %Y}"


def size_text(size: int) -> str:
    """Format a number of bytes: ``2.5 MB``."""
    if size < 1000:
        return counted(size, "byte")
    number, unit = size / 1000, "KB"
    for larger in ("MB", "GB"):
        if round(number) < 1000:
            break
        number, unit = number / 1000, larger
    shown = f"{number:.1f}".removesuffix(".0") if number < 99.95 else f"{number:,.0f}"
    return f"{shown} {unit}"


def first_words(text: str, longest: int = TITLE_LENGTH) -> str:
    """Return the beginning of a text as a title: one line, cut between words if possible, and never inside a letter.

    Leaves out the model's thoughts, unless there is nothing else.
    """
    return _cut(without_thoughts(text), longest)


def without_thoughts(text: str) -> str:
    """Return a text on one line, without the model's thoughts."""
    words = [piece.text for piece in split_thoughts(text) if not piece.is_thought]
    return " ".join(" ".join(words).split())


def shortened(line: str, longest: int) -> str:
    """Shorten a line to at most ``longest`` characters."""
    return line if len(line) <= longest else _cut(line, longest - 1)


def beginning_of(reason: str, longest: int = LONGEST_REASON) -> str:
    """Return a reason, cut to its beginning if it is very long."""
    if len(reason) <= longest:
        return reason
    return f"{reason[:longest]}… (the first {longest:,} of {len(reason):,} characters)"


def _cut(line: str, longest: int) -> str:
    if len(line) <= longest:
        return line
    end = line.rfind(" ", longest // 2, longest + 1)
    if end < 0:  # Chinese, Japanese, Thai and URLs have no spaces
        end = longest
        while end > 1 and (_belongs(line[end]) or line[end - 1] == _JOINER):
            end -= 1
    return line[:end].rstrip(_PAUSES) + "…"


def _belongs(sign: str) -> bool:
    """Whether a character is part of the letter or emoji before it."""
    return unicodedata.category(sign).startswith("M") or sign == _JOINER or ord(sign) in _MODIFIERS
