"""The query editor: CodeMirror, which ships with the app (see ``scripts/sql_editor``).

The URL carries the query that was run last, so that it can be shared: the recipient sees the query, and it runs
only when they click Run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.components import asset
from colloquy.ui.served.document import asset_url
from colloquy.ui.state import Part

FIELD: Final = "console-sql"
TEXT: Final = "console_text"
"""The text in the editor, as last reported by the browser."""

HEARD: Final = "console_heard"
"""What the browser reported last."""

PUT: Final = "console_put"
"""A counter that grows whenever the server puts text into the editor."""

REPLACED: Final = "console_replaced"
"""The text in the editor before another one replaced it."""

SEEN: Final = "console_url"
"""The query in the URL when it was last read or written."""

SQL: Final = "sql"
LONGEST_IN_URL: Final = 4_000
"""Maximum length in characters: the URL does not carry longer queries, which servers on the way may truncate."""

HINT: Final = "select agent, count(*) as chats from conversations group by agent order by chats desc"


def editor(on_run: Callable[[], None]) -> None:
    """Draws the editor. ``on_run`` is called when the user presses Ctrl+Enter in it."""
    _from_url()
    mount = st.components.v2.component(
        "colloquy.sql",
        html=asset(__file__, "editor.html"),
        css=asset(__file__, "editor.css"),
        js=asset(__file__, "editor.js"),
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
    """Returns the name of a column as a query must write it."""
    return '"user"' if column == "user" else column  # also a SQL keyword


def query() -> str:
    """Returns the query in the editor."""
    return _text().strip()


def put(sql: str) -> None:
    """Replaces the query in the editor. For callbacks."""
    before = query()
    st.session_state[REPLACED] = before if before and before != sql.strip() else None
    _put(sql)
    state.touch(Part.PAGE)


def add(words: str) -> None:
    """Appends words to the query in the editor. For callbacks."""
    before = _text()
    _put(before + ("" if not before or before[-1].isspace() else " ") + words)
    state.touch(Part.PAGE)


def replaced() -> str | None:
    """Returns the query that ``put`` replaced, if it differs from the one in the editor."""
    before: str | None = st.session_state.get(REPLACED)
    return before if before and before != query() else None


def to_url(sql: str) -> None:
    """Writes a query to the URL. For callbacks."""
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
    """Takes the text that the browser reported. In the same run, a button's click may be handled before the report."""
    change = st.session_state[FIELD].get("sql") if FIELD in st.session_state else None
    if change is not None and change != st.session_state.get(HEARD):
        st.session_state[HEARD] = change
        _write(change["text"])


def _put(text: str) -> None:
    st.session_state[TEXT] = text
    st.session_state[PUT] = st.session_state.get(PUT, 0) + 1


def _write(text: object) -> None:
    """Stores a text from the browser."""
    if isinstance(text, str):
        st.session_state[TEXT] = text
