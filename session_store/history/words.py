"""What somebody types into a search box, and where a text has it."""

from __future__ import annotations

import re
from typing import Any, Final

MOST_WORDS: Final = 12
LONGEST_EXCERPT: Final = 240
LEAD: Final = 60
"""Characters of an excerpt before what was found."""
_WORD: Final = re.compile(r'["“”„]([^"“”„]+)["“”„]?|([^\s"“”„]+)')

Marks = tuple[tuple[int, int], ...]


def words_of(text: str) -> tuple[str, ...]:
    """The words, and what stands in quotes as one; each once, whatever its case. ``MOST_WORDS`` at most."""
    valid = text.encode(errors="replace").decode()
    found = (quoted.strip() or word for quoted, word in _WORD.findall(valid))
    return tuple({word.casefold(): word for word in found if word}.values())[:MOST_WORDS]


def all_in(column: str, words: tuple[str, ...], values: dict[str, Any], name: str = "word") -> str:
    """SQL for whether a column has all words, whatever their case.

    Adds the words to the ``values`` of the query, under ``name`` with a number.
    """
    # A regular expression without regard to case is faster for some words, and several times slower for others.
    values |= {f"{name}{number}": word for number, word in enumerate(words)}
    terms = [f"contains(lower({column}), lower(${name}{number}))" for number in range(len(words))]
    return f"({' and '.join(terms)})"


def excerpt_of(text: str, words: tuple[str, ...], lead: int = LEAD) -> tuple[str, Marks]:
    """The part of a text around the first of the words, in one line, and the places of words in it. At most ``lead``
    characters come before it."""
    line = " ".join(text.split())
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    first = pattern.search(line)
    begin = max(0, first.start() - lead) if first else 0
    if begin > 0:
        begin = line.rfind(" ", 0, begin) + 1 or begin
    end = begin + LONGEST_EXCERPT
    before, after = "…" if begin > 0 else "", "…" if end < len(line) else ""
    shown = line[begin:end]
    marks = tuple((match.start() + len(before), match.end() + len(before)) for match in pattern.finditer(shown))
    return f"{before}{shown}{after}", marks
