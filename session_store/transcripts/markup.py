"""Finds what messages contain besides words: code, and a model's thoughts."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

_OPENING: Final = re.compile(
    r"""
    ^[ \t>]*(?P<fence>(?P<sign>[`~])(?P=sign){2,})(?:(?<=~)[^\n]*|[^`\n]*)$   # a fence with the language behind it
    |
    (?<!`)(?P<ticks>`+)(?!`)
    """,
    re.MULTILINE | re.VERBOSE,
)
_TICKS: Final = re.compile(r"`+")
_BREAK: Final = re.compile(r"\n(?=[ \t]*\n)")
"""Where a paragraph ends."""

_FENCE_LINES: Final = re.compile(
    r"^(?P<fence>[ \t]{0,3}(?P<sign>[`~])(?P=sign){2,}+)[ \t]*+(?P<language>[^\s`]*+)[^\n`]*+\n"
    r"(?P<code>.*?)(?:^[ \t]{0,3}(?P=sign){3,}[ \t]*(?:\n|\Z)|\Z)",
    re.MULTILINE | re.DOTALL,
)
_TAG: Final = re.compile(r"<(?P<end>/?)think(?:ing)?>", re.IGNORECASE)
_UNFINISHED_TAG: Final = re.compile(r"</?(?:t(?:h(?:i(?:n(?:k(?:i(?:ng?)?)?)?)?)?)?)?$", re.IGNORECASE)
"""The beginning of what may become a thought tag."""
_LEADING: Final = re.compile(r"^[^\S\n]*(?=</?think(?:ing)?>)", re.IGNORECASE | re.MULTILINE)
_QUOTES: Final = "`'\"“(["
"""Characters before a tag that is only mentioned."""

MOST_THOUGHTS: Final = 200
"""Maximum number of thoughts in one text that are separated from its words. No page shows as many as a long text could
have; after that many, the text stays as written."""

MOST_READ_AGAIN: Final = 4_000_000
"""Characters in which code is searched for again because a thought left its code open."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a model's text. ``ended`` is False for a thought without an end."""

    text: str
    is_thought: bool = False
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Typed:
    """A piece of the user's text: ``language`` is None unless the piece is code; the language of code may be empty."""

    text: str
    language: str | None = None


def fenced_pieces(text: str) -> list[Typed]:
    """Split a text at its fenced code blocks and leave everything else as it is."""
    pieces: list[Typed] = []
    at = 0
    for fence in _FENCE_LINES.finditer(text):
        pieces += [Typed(before)] if (before := text[at : fence.start()].removesuffix("\n")) else []
        pieces.append(Typed(fence["code"].removesuffix("\n"), fence["language"]))
        at = fence.end()
    return [*pieces, *([Typed(text[at:])] if text[at:] else [])]


def split_thoughts(text: str, *, ended: bool = True, begun: bool = False) -> list[Piece]:
    """Split a text into words and thoughts, which the model put between ``<think>`` and ``</think>``.

    Tags in code are quoted, and so is an unclosed tag in the middle of a line, unless the text itself has not
    ``ended``. An end tag without a start tag ends a thought that started with the text: for some models, the prompt
    contains the start tag. ``begun`` says that this is such a model, so that everything is a thought until the end tag
    comes.
    """
    if not ended:
        text = _UNFINISHED_TAG.sub("", text)
    if not begun and ("<" not in text or not _TAG.search(text)):
        return [Piece(text)] if text else []
    pieces: list[Piece] = []
    at = 0
    for begin, inner, outer, end in islice(_thoughts(text, ended=ended, begun=begun), MOST_THOUGHTS):
        pieces += _piece(text[at:begin], is_thought=False)
        pieces += _piece(text[inner:outer], is_thought=True, ended=end is not None)
        at = len(text) if end is None else end
    return [*pieces, *_piece(text[at:], is_thought=False)]


def begins_in_thought(text: str) -> bool:
    """Whether a text starts in the middle of a thought and contains the end of that thought."""
    return "</" in text and _first_end(text, _outside([*_TAG.finditer(text)], code_spans(text))) is not None


def code_spans(text: str, at: int = 0) -> list[Span]:
    """Find code in Markdown. An open fence extends to the end of the text, as it does while a text streams.

    Looks at each character only a few times, whatever the text repeats.
    """
    runs: defaultdict[int, list[int]] = defaultdict(list)
    for run in _TICKS.finditer(text, at):
        runs[len(run[0])].append(run.start())
    breaks = [found.start() for found in _BREAK.finditer(text, at)]
    spans: list[Span] = []
    while opening := _OPENING.search(text, at):
        at = opening.end()
        if fence := opening["fence"]:
            closing = re.compile(rf"^[ \t>]*{fence[0]}{{{len(fence)},}}[ \t]*$", re.MULTILINE).search(text, at)
            at = closing.end() if closing else len(text)
        elif end := _closing_ticks(opening, runs, breaks):
            at = end
        else:
            continue
        spans.append((opening.start(), at))
    return spans


def _closing_ticks(opening: re.Match[str], runs: Mapping[int, list[int]], breaks: list[int]) -> int | None:
    """Return where inline code ends: after the same number of backticks, in the same paragraph."""
    length, at = len(opening["ticks"]), opening.end()
    alike = runs[length]
    number, following = bisect_left(alike, at), bisect_left(breaks, at)
    paragraph_ends = breaks[following] if following < len(breaks) else len(opening.string)
    return alike[number] + length if number < len(alike) and alike[number] < paragraph_ends else None


def _piece(text: str, *, is_thought: bool, ended: bool = True) -> list[Piece]:
    stripped = text.strip("\n") if text.strip() else ""
    return [Piece(stripped, is_thought, ended)] if stripped else []


def _thoughts(text: str, *, ended: bool, begun: bool) -> Iterator[tuple[int, int, int, int | None]]:
    """Yield where each thought starts, where its words start and end, and where it is over; None if it never is."""
    tags, code = [*_TAG.finditer(text)], code_spans(text)
    shown = _outside(tags, code)
    at = 0
    if first := _first_end(text, shown):
        yield 0, 0, first.start(), first.end()
        at = first.end()
    elif begun and not ended and all(tag["end"] for tag in tags):
        yield 0, 0, len(text), None
        return
    leading = {found.end() for found in _LEADING.finditer(text)}
    anywhere, ends = _ends(tags), _ends(shown)
    number, may_read = 0, MOST_READ_AGAIN
    while number < len(shown):
        begin, number = shown[number], number + 1
        start = begin.start()
        if start < at or begin["end"]:
            continue
        # A thought may contain code with a fence that is never closed: any end tag is better than none.
        end = ends[start] or anywhere[start]
        if end is None:
            if start in leading or not (ended or text[start - 1] in _QUOTES):
                yield start, begin.end(), len(text), None
                return
            continue
        yield start, begin.end(), end.start(), end.end()
        at = end.end()
        if _is_in(at, code) and may_read > 0:  # code that a thought left open ends with the thought
            may_read -= len(text) - at
            code = code_spans(text, at)
            shown, number = _outside(tags[bisect_left(tags, at, key=re.Match.start) :], code), 0
            ends = _ends(shown)


def _first_end(text: str, shown: Sequence[re.Match[str]]) -> re.Match[str] | None:
    """Return the end of a thought that started with the text. Text that only mentions the tag has a space or a quote
    before it."""
    first = shown[0] if shown else None
    if first is None or not first["end"]:
        return None
    before = text[text.rfind("\n", 0, first.start()) + 1 : first.start()]
    is_named = bool(before.strip()) and (before[-1].isspace() or before[-1] in _QUOTES)
    return None if is_named else first


def _ends(tags: Sequence[re.Match[str]]) -> dict[int, re.Match[str] | None]:
    """Map the position of each start tag to its end tag or, if they do not match up, to the next one."""
    ends: dict[int, re.Match[str] | None] = {}
    following: re.Match[str] | None = None
    for tag in reversed(tags):
        if tag["end"]:
            following = tag
        else:
            ends[tag.start()] = following
    begun: list[int] = []
    for tag in tags:
        if not tag["end"]:
            begun.append(tag.start())
        elif begun:
            ends[begun.pop()] = tag
    return ends


def _outside(tags: Sequence[re.Match[str]], code: list[Span]) -> list[re.Match[str]]:
    """Return the tags outside of code."""
    return [tag for tag in tags if not _is_in(tag.start() + 1, code)]


def _is_in(place: int, spans: list[Span]) -> bool:
    """Whether a position is after the start of a span and before its end."""
    number = bisect_left(spans, (place, 0)) - 1
    return number >= 0 and place < spans[number][1]
