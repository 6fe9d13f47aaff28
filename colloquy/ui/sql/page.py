"""The SQL page: the editor in the middle, what can be inserted into it at the side, and the result below."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import uuid4

import streamlit as st

from colloquy.runtime.application import current
from colloquy.runtime.sql_queries import QueryRun
from colloquy.ui import state
from colloquy.ui.data.snapshot import snapshot_button
from colloquy.ui.demo import demo_mark
from colloquy.ui.history.ask import ask_history_button
from colloquy.ui.sql.editor import editor, put, query, replaced, to_url
from colloquy.ui.sql.examples import examples
from colloquy.ui.sql.result import QUESTION, result
from colloquy.ui.sql.schema import schema
from colloquy.ui.sql.shelf import asked_queries, keep_button, kept_queries
from colloquy.ui.state import Part
from session_store.history.filters import EVERYTHING

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
CLIENT_ID: Final = "console_asker"
"""Identifies this page among all clients that run queries, which take turns."""

FIRST_EXAMPLES = ("Chats by agent", "Messages by day", "Response times", "Failed turns", "Messages containing a word")


def sql_page() -> None:
    """Draws the whole page."""
    st.html(f"<i></i><style>{STYLE}</style>")
    with st.sidebar:
        _side()
    with st.container(key="console"):
        with st.container(horizontal=True, vertical_alignment="center", key="console-head"):
            st.title("SQL", anchor=False, width="stretch")
            ask_history_button(EVERYTHING)
            snapshot_button()
        st.caption("Query all chats stored here. Queries are read-only.")
        demo_mark()
        editor(_run)
        _bar()
        if QUESTION in st.session_state:
            result()
        else:
            _beginning()


def _side() -> None:
    tables, kept, asked, more = st.tabs(["Tables", "Saved", "Recent", "Examples"])
    with tables:
        schema()
    with kept:
        kept_queries()
    with asked:
        asked_queries()
    with more:
        examples("side")


def _bar() -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="console-bar"):
        st.button(
            "Run", key="run-query", type="primary", icon=":material/play_arrow:", shortcut="Ctrl+Enter", on_click=_run
        )
        keep_button()
        if before := replaced():
            st.button(
                "Restore the previous query",
                key="bring-back",
                icon=":material/undo:",
                type="tertiary",
                on_click=put,
                args=(before,),
            )


def _beginning() -> None:
    st.caption("Try one of these:")
    with st.container(horizontal=True, key="examples"):
        examples("first", FIRST_EXAMPLES)


def _run() -> None:
    """Starts the query in the editor; cancels this page's running query, if any."""
    sql = query()
    if not sql:
        return
    before: QueryRun | None = st.session_state.get(QUESTION)
    if before and not before.is_over:
        before.cancel()
    client_id = st.session_state.setdefault(CLIENT_ID, str(uuid4()))
    st.session_state[QUESTION] = QueryRun(current(), sql, client_id)
    to_url(sql)
    state.touch(Part.PAGE)
