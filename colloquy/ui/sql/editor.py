"""The field that a query is written in: CodeMirror, which comes with the app (see ``scripts/sql_editor``).

The URL carries the query that was run, so that it can be shared: whoever opens it sees the query, and runs it by a
click of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.served.document import asset_url
from colloquy.ui.state import Part

HERE: Final = Path(__file__).parent
FIELD: Final = "console-sql"
TEXT: Final = "console_text"
"""What stands in the field, as far as the browser has told."""

HEARD: Final = "console_heard"
"""What the browser told last."""

PUT: Final = "console_put"
"""Grows whenever something is put into the field from here."""

REPLACED: Final = "console_replaced"
"""What stood in the field before something else was put there."""

SEEN: Final = "console_url"
"""What the URL said when it was last read or written."""

SQL: Final = "sql"
LONGEST_IN_URL: Final = 4_000
"""Characters: longer queries are not carried by the URL, which servers on the way may cut."""

HINT: Final = "select agent, count(*) as chats from conversations group by agent order by chats desc"


def editor(on_run: Callable[[], None]) -> None:
    """Draws the field. ``on_run`` is called when Ctrl+Enter is pressed in it."""
    _from_url()
    mount = st.components.v2.component(
        "colloquy.sql", html=_read("editor.html"), css=_read("editor.css"), js=_read("editor.js")
    )

    def run() -> None:
        _write(st.session_state[FIELD].run["text"])
        on_run()

    mount(
        key=FIELD,
        data={
            "script": asset_url("codemirror.js"),
            "text": _text(),
            "number": st.session_state.get(PUT, 0),
            "label": "SQL",
            "hint": HINT,
            "schema": {
                table.name: [quoted(column.name) for column in table.columns]
                for table in current().workspaces.history().tables()
            },
        },
        on_sql_change=_hear,
        on_run_change=run,
        height="content",
    )


def quoted(column: str) -> str:
    """The name of a column as a query has it."""
    return '"user"' if column == "user" else column  # a word of SQL, too


def query() -> str:
    """What stands in the field."""
    return _text().strip()


def put(sql: str) -> None:
    """Put a query into the field, in place of what is there. For callbacks."""
    before = query()
    st.session_state[REPLACED] = before if before and before != sql.strip() else None
    _put(sql)
    state.touch(Part.PAGE)


def add(words: str) -> None:
    """Put words behind what is in the field. For callbacks."""
    before = _text()
    _put(before + ("" if not before or before[-1].isspace() else " ") + words)
    state.touch(Part.PAGE)


def replaced() -> str | None:
    """What stood in the field before ``put``, if that is not there."""
    before: str | None = st.session_state.get(REPLACED)
    return before if before and before != query() else None


def to_url(sql: str) -> None:
    """Have the URL carry a query. For callbacks."""
    if len(sql) <= LONGEST_IN_URL:
        st.query_params[SQL] = sql
        st.session_state[SEEN] = sql
    else:
        st.query_params.pop(SQL, None)
        st.session_state[SEEN] = None


def _from_url() -> None:
    given = st.query_params.get(SQL)
    if given != st.session_state.get(SEEN):
        st.session_state[SEEN] = given
        if given:
            _put(given)


def _text() -> str:
    _hear()
    return str(st.session_state.get(TEXT, ""))


def _hear() -> None:
    """Take what the browser told of the field. A click of a button may be heard before it, in the same run."""
    told = st.session_state[FIELD].get("sql") if FIELD in st.session_state else None
    if told is not None and told != st.session_state.get(HEARD):
        st.session_state[HEARD] = told
        _write(told["text"])


def _put(text: str) -> None:
    st.session_state[TEXT] = text
    st.session_state[PUT] = st.session_state.get(PUT, 0) + 1


def _write(text: object) -> None:
    """What the browser tells."""
    if isinstance(text, str):
        st.session_state[TEXT] = text


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
