"""Conversations as a table, on a phone as cards: one element, made of the browser's own links and buttons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from runtime.workbench import current
from session_store.history.models import HistoryRow, HistorySort
from ui.analytics.names import agent_name
from ui.analytics.numbers import count, money
from ui.formatting import long_time, short_time
from ui.history.filter_bar import STATUSES
from ui.history.links import reader_url

HERE: Final = Path(__file__).parent
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


def table(
    rows: Sequence[HistoryRow],
    *,
    order: tuple[HistorySort, bool],
    selected: Collection[str],
    with_users: bool,
    on_open: Callable[[str], None],
    on_sort: Callable[[HistorySort], None],
    on_select: Callable[[list[str]], None],
) -> None:
    """Draw a page of the list in an ``order`` (by what, and whether descending). Rows are told apart by ``ref_of``."""
    mount = st.components.v2.component(
        "colloquy.conversations", html=_read("table.html"), js=_read("table.js"), isolate_styles=False
    )
    columns = [sort for sort in COLUMNS if with_users or sort is not HistorySort.USER]
    known = {ref_of(row): row for row in rows}
    mount(
        key=KEY,
        data={
            "columns": [{"id": sort.value, "name": COLUMNS[sort]} for sort in columns],
            "rows": [_drawn(row) for row in rows],
            "sort": order[0].value,
            "descending": order[1],
            "selected": [ref for ref in known if ref in selected],
        },
        on_opened_change=lambda: _with(str, "opened", lambda ref: on_open(ref) if ref in known else None),
        on_sorted_change=lambda: _with(str, "sorted", lambda by: on_sort(HistorySort(by)) if by in columns else None),
        on_selected_change=lambda: _with(list, "selected", lambda refs: on_select([r for r in refs if r in known])),
        height="content",
    )


def ref_of(row: HistoryRow) -> str:
    """What a row is called between the browser and the server."""
    return f"{row.key.app_name}/{row.key.user_id}/{row.key.session_id}"


def _with(kind: type, name: str, act: Callable[[Any], object]) -> None:
    given = st.session_state[KEY].get(name)
    if isinstance(given, kind):
        act(given)


def _drawn(row: HistoryRow) -> dict[str, Any]:
    tokens = row.input_tokens + row.output_tokens
    return {
        "ref": ref_of(row),
        "href": reader_url(row.key.session_id),
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
            "model": current().models.label(row.model).rsplit("/", 1)[-1] if row.model else "",
            "user": row.key.user_id,
            "updated": short_time(row.updated_at),
            "messages": f"{row.messages:,}",
            "tokens": count(tokens) if tokens else "",
            "cost": money(row.cost) if tokens else "",
            "status": "" if row.status == "idle" else STATUSES.get(row.status, row.status),
        },
    }


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
