"""Long texts on the page: their beginning, and the rest on demand.

A browser would freeze for minutes over a table of tens of thousands of rows. Stored, copied and exported texts are
always complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

import pyarrow as pa
import streamlit as st

from colloquy.ui.formatting import plain_markdown, untrusted_markdown
from session_store.phrases import counted
from session_store.transcripts.markup import fenced_pieces

MOST_CHARACTERS: Final = 20_000
MOST_LINES: Final = 300
"""Limits for one text on the page, until the user asks for more."""

MOST_DRAWN: Final = 10
"""An unfolded text is drawn as Markdown up to this multiple of the limits; longer ones are shown as plain text."""

OPENED: Final = "long_texts"
"""Key in the state of the tab: the texts that are unfolded."""

LOOKED_AT: Final = "long_texts_sought"
"""Key in the state of the tab: the texts that were searched for words, and at which opening of the page."""

_SOUGHT: Final[ContextVar[tuple[tuple[str, ...], int]]] = ContextVar("sought", default=((), 0))

_RULE: Final = re.compile(r"[ \t]{0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
"""The line below the header of a Markdown table."""
_BAR: Final = re.compile(r"(?<!\\)\|")

Draw = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Table:
    """A table in Markdown: its cells row by row, the column names first."""

    rows: list[list[str]]


def markdown(text: str, key: str) -> None:
    """Draws Markdown from a model or a tool. ``key`` identifies the text on its page."""
    _folded(text, key, _markdown, _whole_markdown, _extent_of_markdown)


def code(text: str, language: str | None, key: str) -> None:
    """Draws code, or text that looks like code. See ``markdown``."""
    _folded(text, key, partial(plain_code, language=language), partial(plain_code, language=None), _extent)


def typed(text: str, key: str, draw: Draw) -> None:
    """Draws a text that ``draw`` shows verbatim. See ``markdown``."""
    _folded(text, key, draw, draw, _extent)


def problem(text: str, key: str, icon: str | None = None) -> None:
    """Draws the reason for a failure. See ``markdown``."""

    def draw(part: str) -> None:
        st.error(plain_markdown(part), icon=icon)

    _folded(text, key, draw, partial(plain_code, language=None), _extent)


def plain_code(text: str, language: str | None) -> None:
    """Draws code in full. Long code has no colors: highlighting costs the browser far more than the text does."""
    st.code(text, language=None if _is_long(text) else language, wrap_lines=True)


def growing(text: str) -> None:
    """Draws Markdown that is still being streamed."""
    begin = beginning(text)
    _markdown(begin)
    if begin != text:
        st.caption(f"Still writing: {_characters(text)} so far. The rest can be shown once it is complete.")


@contextmanager
def seeking(words: tuple[str, ...], number: int) -> Iterator[None]:
    """Unfolds a text drawn in this context if a searched word occurs only after its beginning.

    This happens once for each ``number``, so that the user can fold the text again.
    """
    token = _SOUGHT.set((words, number))
    try:
        yield
    finally:
        _SOUGHT.reset(token)


def beginning(text: str) -> str:
    """Returns as much of a text as is shown at first: all of it, or a part that ends with a line or at least a word."""
    end, after = MOST_CHARACTERS, 0
    if text.count("\n", 0, end) >= MOST_LINES:
        for _ in range(MOST_LINES):
            after = text.index("\n", after) + 1
        end = after - 1
    elif len(text) <= end:
        return text
    else:
        places = (text.rfind(sign, end // 2, end) for sign in "\n ")
        end = next((place for place in places if place > 0), end)
    return text[:end] if text[end:].strip() else text


def pieces(text: str) -> Iterator[str | Table | tuple[str, str]]:
    """Splits Markdown at its long pieces: words, tables, and code with its language."""
    for piece in fenced_pieces(text):
        if piece.language is not None:
            if _is_long(piece.text):
                yield piece.text, piece.language
            else:
                fence = "~" * 3 if "```" in piece.text else "`" * 3
                yield f"{fence}{piece.language}\n{piece.text}\n{fence}"
        else:
            yield from _words_and_tables(piece.text)


def _folded(text: str, key: str, draw: Draw, whole: Draw, extent: Callable[[str], str]) -> None:
    if not _is_long(text):
        draw(text)
    else:
        _unfold_sought(text, key)
        _foldable(text, key, draw, whole, extent(text))


def _unfold_sought(text: str, key: str) -> None:
    words, number = _SOUGHT.get()
    looked_at: dict[str, int] = st.session_state.setdefault(LOOKED_AT, {})
    if not words or looked_at.get(key) == number:
        return
    looked_at[key] = number
    begin, all_of_it = beginning(text).casefold(), text.casefold()
    if any(word not in begin and word in all_of_it for word in map(str.casefold, words)):
        st.session_state.setdefault(OPENED, set()).add(key)


@st.fragment
def _foldable(text: str, key: str, draw: Draw, whole: Draw, extent: str) -> None:
    """Draws a foldable text as a fragment, which reruns without the page around it."""
    opened: set[str] = st.session_state.setdefault(OPENED, set())
    is_open = key in opened
    if is_open:
        whole(text)
    else:
        draw(beginning(text))
    st.button(
        "Show less" if is_open else f"Show all {extent}",
        key=f"long-{key}",
        icon=":material/unfold_less:" if is_open else ":material/unfold_more:",
        type="tertiary",
        on_click=opened.discard if is_open else opened.add,
        args=(key,),
    )


def _extent(text: str) -> str:
    lines = text.count("\n") + 1
    return counted(lines, "line") if lines > MOST_LINES else _characters(text)


def _extent_of_markdown(text: str) -> str:
    """Says how much there is to show, counted in the unit of what makes it long."""
    found = [*pieces(text)]
    for number, piece in enumerate(found, 1):
        after = " and what follows" if number < len(found) else ""
        match piece:
            case Table():
                return counted(len(piece.rows) - 1, "row") + after
            case (longer, _):
                return _extent(longer) + after
    return _extent(text)


def _characters(text: str) -> str:
    return counted(len(text), "character")


def _words_and_tables(text: str) -> Iterator[str | Table]:
    """Splits a text without code at its long tables."""
    lines = text.split("\n")
    begin = at = 0
    for number, (names, rule) in enumerate(pairwise(lines)):
        if number < at or "|" not in names or "-" not in rule or not _RULE.fullmatch(rule):
            continue
        at = number + 2
        while at < len(lines) and "|" in lines[at]:
            at += 1
        if at - number > MOST_LINES:
            if words := "\n".join(lines[begin:number]).strip("\n"):
                yield words
            yield Table([_cells(line) for line in (names, *lines[number + 2 : at])])
            begin = at
    if words := "\n".join(lines[begin:]).strip("\n"):
        yield words


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(inner)]


def _is_long(text: str) -> bool:
    return beginning(text) != text


def _markdown(text: str) -> None:
    if text:
        st.markdown(untrusted_markdown(text))


def _whole_markdown(text: str) -> None:
    left_lines, left_characters = MOST_DRAWN * MOST_LINES, MOST_DRAWN * MOST_CHARACTERS
    for piece in pieces(text):
        match piece:
            case Table():
                _grid(piece)
            case (longer, language):
                plain_code(longer, language)
            case str():
                left_lines -= piece.count("\n") + 1
                left_characters -= len(piece)
                (_markdown if min(left_lines, left_characters) >= 0 else partial(plain_code, language=None))(piece)


def _grid(table: Table) -> None:
    """Draws a long table as a grid, of which the browser renders only what is in view."""
    names, *rows = table.rows
    width = max(map(len, table.rows))
    titles = [name or f"Column {number}" for number, name in enumerate([*names, *[""] * (width - len(names))], 1)]
    titles = [
        f"{title} ({number})" if title in titles[: number - 1] else title for number, title in enumerate(titles, 1)
    ]
    columns = [[row[number] if number < len(row) else "" for row in rows] for number in range(width)]
    st.dataframe(pa.table(columns, names=titles), hide_index=True, lazy=False)
