"""Conversations as a table, or as cards on a phone, and the matches of a search as a list: each is one element, made of
the browser's own links and buttons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui.agents import agent_name
from colloquy.ui.analytics.numbers import count, money
from colloquy.ui.components import asset
from colloquy.ui.formatting import long_time, short_time
from colloquy.ui.history.filter_bar import STATUSES
from colloquy.ui.history.links import reader_url
from colloquy.ui.history.view import View
from session_store.analytics.places import Place
from session_store.history.models import HistoryRow, HistorySort, Hit

KEY: Final = "history-table"
COLUMNS: Final[Mapping[HistorySort, str]] = {
    HistorySort.TITLE: "Title",
    HistorySort.WORKSPACE: "Workspace",
    HistorySort.AGENT: "Agent",
    HistorySort.MODEL: "Model",
    HistorySort.USER: "User",
    HistorySort.UPDATED: "When",
    HistorySort.MESSAGES: "Messages",
    HistorySort.TOKENS: "Tokens",
    HistorySort.COST: "Cost",
    HistorySort.STATUS: "Status",
    HistorySort.FEEDBACK: "Feedback",
}
NEW_CHAT: Final = "New chat"
LONGEST_ERROR: Final = 300
"""Maximum length in characters of an error in a row."""

HITS_KEY: Final = "history-hits"
KINDS: Final[Mapping[str, str]] = {
    "title": "Title",
    "message": "Message",
    "tool call": "Tool call",
    "detail": "Thought, source or file",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a row links to, and what is below its title. ``event_id`` is the message to open the conversation at."""

    href: str
    event_id: str | None = None
    when: str = ""
    error: str = ""


def line_of(row: HistoryRow, view: View, place: Place | None) -> Line:
    """Returns the line of a row, in a list that may be about a place in its conversation."""
    if place is None:
        return Line(reader_url(row.key.session_id, view=view), error=row.error)
    href = reader_url(row.key.session_id, place.event_id, view)
    return Line(href, place.event_id, long_time(place.at), place.error)


def table(
    rows: Sequence[HistoryRow],
    lines: Mapping[str, Line],
    *,
    order: tuple[HistorySort, bool],
    selected: Collection[str],
    with_users: bool,
    on_open: Callable[[str], None],
    on_sort: Callable[[HistorySort], None],
    on_select: Callable[[list[str]], None],
) -> None:
    """Draws a page of the list in an ``order`` (by which column, and whether descending). ``ref_of`` gives the keys of
    ``lines``."""
    mount = st.components.v2.component(
        "colloquy.conversations",
        html=asset(__file__, "table.html"),
        js=asset(__file__, "table.js"),
        isolate_styles=False,
    )
    columns = [sort for sort in COLUMNS if with_users or sort is not HistorySort.USER]
    known = {ref_of(row): row for row in rows}
    mount(
        key=KEY,
        data={
            "columns": [{"id": sort.value, "name": COLUMNS[sort]} for sort in columns],
            "rows": [_drawn(row, lines[ref_of(row)]) for row in rows],
            "sort": order[0].value,
            "descending": order[1],
            "selected": [ref for ref in known if ref in selected],
        },
        on_opened_change=lambda: _with(str, "opened", lambda ref: on_open(ref) if ref in known else None),
        on_sorted_change=lambda: _with(str, "sorted", lambda by: on_sort(HistorySort(by)) if by in columns else None),
        on_selected_change=lambda: _with(list, "selected", lambda refs: on_select([r for r in refs if r in known])),
        height="content",
    )


def shortened(error: str) -> str:
    """Shortens an error to one line."""
    line = " ".join(error.split())
    return line if len(line) <= LONGEST_ERROR else f"{line[: LONGEST_ERROR - 1]}…"


def ref_of(row: HistoryRow) -> str:
    """Returns the name of a row between the browser and the server."""
    return f"{row.key.app_name}/{row.key.user_id}/{row.key.session_id}"


def _with(kind: type, name: str, act: Callable[[Any], object]) -> None:
    given = st.session_state[KEY].get(name)
    if isinstance(given, kind):
        act(given)


def _drawn(row: HistoryRow, line: Line) -> dict[str, Any]:
    tokens = row.input_tokens + row.output_tokens
    return {
        "ref": ref_of(row),
        "href": line.href,
        "at": line.when,
        "error": shortened(line.error),
        "saved": row.saved,
        "tags": list(row.tags),
        "note": row.note,
        "status": row.status,
        "up": row.up,
        "down": row.down,
        "begun": long_time(row.created_at),
        "last": long_time(row.updated_at),
        "cells": {
            "title": row.title or NEW_CHAT,
            "workspace": row.workspace or "",
            "agent": agent_name(row.agent),
            "model": current().models.label(row.model) if row.model else "",
            "user": row.key.user_id,
            "updated": short_time(row.updated_at),
            "messages": f"{row.messages:,}",
            "tokens": count(tokens) if tokens else "",
            "cost": money(row.cost) if tokens else "",
            "status": "" if row.status == "idle" else STATUSES.get(row.status, row.status),
        },
    }


def hits(found: Sequence[Hit], view: View, on_open: Callable[[Hit], None]) -> None:
    """Draws a page of matches. Each links to its message."""
    mount = st.components.v2.component(
        "colloquy.hits", html="<ol></ol>", js=asset(__file__, "hits.js"), isolate_styles=False
    )

    known = {_href(hit, view): hit for hit in found}

    def opened() -> None:
        if hit := known.get(str(st.session_state[HITS_KEY].opened)):
            on_open(hit)

    mount(
        key=HITS_KEY, data={"hits": [_drawn_hit(hit, view) for hit in found]}, on_opened_change=opened, height="content"
    )


def _drawn_hit(hit: Hit, view: View) -> dict[str, Any]:
    return {
        "href": _href(hit, view),
        "title": hit.title or NEW_CHAT,
        "kind": KINDS[hit.kind],
        "when": long_time(hit.at),
        "pieces": pieces(hit.excerpt, hit.marks),
    }


def _href(hit: Hit, view: View) -> str:
    return reader_url(hit.key.session_id, hit.event_id, view)


def pieces(excerpt: str, marks: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Splits an excerpt at its marks: texts, and whether each is marked."""
    cut: list[tuple[str, bool]] = []
    end = 0
    for begin, after in sorted(marks):
        cut += [(excerpt[end:begin], False), (excerpt[max(begin, end) : after], True)]
        end = max(end, after)
    return [(text, marked) for text, marked in [*cut, (excerpt[end:], False)] if text]
