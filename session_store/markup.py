"""What stands in the texts of people and models besides words: code, and the thoughts of a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Final

CODE: Final = re.compile(
    r"""
    ^[ \t>]*(?P<fence>(?P<sign>[`~])(?P=sign){2,})(?:(?<=~)[^\n]*|[^`\n]*)$   # a fence with the language behind it
    (?:.*?^[ \t>]*(?P=fence)(?P=sign)*[ \t]*$|.*\Z)                            # up to its like, or to the end
    |
    (?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`)         # within a paragraph
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
"""Code in Markdown. A fence that is still open goes to the end, as it does while a text streams."""

_FENCE_LINES: Final = re.compile(
    r"^(?P<fence>[ \t]{0,3}(?P<sign>[`~])(?P=sign){2,})[ \t]*(?P<language>[^\s`]*)[^\n`]*\n"
    r"(?P<code>.*?)(?:^[ \t]{0,3}(?P=sign){3,}[ \t]*(?:\n|\Z)|\Z)",
    re.MULTILINE | re.DOTALL,
)
_TAG: Final = re.compile(r"<(?P<end>/?)think(?:ing)?>", re.IGNORECASE)
_UNFINISHED_TAG: Final = re.compile(r"</?(?:t(?:h(?:i(?:n(?:k(?:i(?:ng?)?)?)?)?)?)?)?$", re.IGNORECASE)
"""The beginning of what may become the tag of a thought."""
_QUOTES: Final = "`'\"“(["
"""What stands before a tag that is only named."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of what a model wrote. ``ended`` is False for a thought whose end is missing."""

    text: str
    is_thought: bool = False
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Typed:
    """A piece of what a person typed: ``language`` is None unless it is code, whose language may be empty."""

    text: str
    language: str | None = None


def fenced_pieces(text: str) -> list[Typed]:
    """A text cut at its fences of code, all else as it is."""
    pieces: list[Typed] = []
    at = 0
    for fence in _FENCE_LINES.finditer(text):
        pieces += [Typed(before)] if (before := text[at : fence.start()].removesuffix("\n")) else []
        pieces.append(Typed(fence["code"].removesuffix("\n"), fence["language"]))
        at = fence.end()
    return [*pieces, *([Typed(text[at:])] if text[at:] else [])]


def split_thoughts(text: str, *, ended: bool = True, begun: bool = False) -> list[Piece]:
    """The words and the thoughts of a text in which a model put its thoughts between ``<think>`` and ``</think>``.

    Tags in code are quoted, and so is a tag in the midst of a line that nothing ends, unless the text itself has not
    ``ended``. An end without a beginning ends a thought that began with the text: some models are given the beginning
    by their prompt. That this one is, so that all is a thought until its end comes, is ``begun``.
    """
    if not ended:
        text = _UNFINISHED_TAG.sub("", text)
    if not begun and ("<" not in text or not _TAG.search(text)):
        return [Piece(text)] if text else []
    pieces: list[Piece] = []
    at = 0
    for begin, inner, outer, end in _thoughts(text, ended=ended, begun=begun):
        pieces += _piece(text[at:begin], is_thought=False)
        pieces += _piece(text[inner:outer], is_thought=True, ended=end is not None)
        at = len(text) if end is None else end
    return [*pieces, *_piece(text[at:], is_thought=False)]


def begins_in_thought(text: str) -> bool:
    """Whether a text begins in the midst of a thought, whose end is in it."""
    return "</" in text and _first_end(text, [match.span() for match in CODE.finditer(text)]) is not None


def _piece(text: str, *, is_thought: bool, ended: bool = True) -> list[Piece]:
    stripped = text.strip("\n") if text.strip() else ""
    return [Piece(stripped, is_thought, ended)] if stripped else []


def _thoughts(text: str, *, ended: bool, begun: bool) -> Iterator[tuple[int, int, int, int | None]]:
    """Where thoughts begin, where their words begin and end, and where they are over; None if they never are."""
    quoted = [match.span() for match in CODE.finditer(text)]
    at = 0
    if first := _first_end(text, quoted):
        yield 0, 0, first.start(), first.end()
        at = first.end()
    elif begun and not ended and not any(not tag["end"] for tag in _TAG.finditer(text)):
        yield 0, 0, len(text), None
        return
    while begin := next((tag for tag in _TAG.finditer(text, at) if not _is_in(tag.start(), quoted)), None):
        at = begin.end()
        if begin["end"]:
            continue
        # What a model thinks may have code with a fence that never ends: any end is better than none.
        end = _end(text, at, quoted) or _end(text, at, [])
        if end is None:
            before = text[text.rfind("\n", 0, begin.start()) + 1 : begin.start()]
            if not before.strip() or not (ended or before[-1] in _QUOTES):
                yield begin.start(), begin.end(), len(text), None
                return
            continue
        yield begin.start(), begin.end(), end.start(), end.end()
        at = end.end()
        # Code that a thought left open does not go on behind its end.
        quoted = [match.span() for match in CODE.finditer(text, at)]


def _first_end(text: str, quoted: list[tuple[int, int]]) -> re.Match[str] | None:
    """The end of a thought that began with the text. Who only speaks of the tag puts a blank or a sign before it."""
    first = next((tag for tag in _TAG.finditer(text) if not _is_in(tag.start(), quoted)), None)
    if first is None or not first["end"]:
        return None
    before = text[text.rfind("\n", 0, first.start()) + 1 : first.start()]
    is_named = bool(before.strip()) and (before[-1].isspace() or before[-1] in _QUOTES)
    return None if is_named else first


def _end(text: str, at: int, quoted: list[tuple[int, int]]) -> re.Match[str] | None:
    """The end that belongs to a beginning before ``at``, or where they do not match, the next one."""
    tags = [tag for tag in _TAG.finditer(text, at) if not _is_in(tag.start(), quoted)]
    depths = accumulate((-1 if tag["end"] else 1 for tag in tags), initial=1)
    balanced = next((tag for tag, depth in zip(tags, islice(depths, 1, None), strict=True) if depth == 0), None)
    return balanced or next((tag for tag in tags if tag["end"]), None)


def _is_in(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(begin <= place < end for begin, end in spans)
