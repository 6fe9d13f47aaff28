"""The field that a query is written in. The URL carries the query that was run, so that it can be shared: whoever
opens it sees the query, and runs it by a click of their own."""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui import state
from ui.state import Part

FIELD: Final = "console-sql"
DRAFT: Final = "console_draft"
"""What stands in the field, while another page is looked at."""

REPLACED: Final = "console_replaced"
"""What stood in the field before something else was put there."""

SEEN: Final = "console_url"
"""What the URL said when it was last read or written."""

SQL: Final = "sql"
LONGEST_IN_URL: Final = 4_000
"""Characters: longer queries are not carried by the URL, which servers on the way may cut."""

HEIGHT: Final = 190


def editor() -> None:
    """Draws the field."""
    _from_url()
    if FIELD not in st.session_state:
        st.session_state[FIELD] = st.session_state.get(DRAFT, "")
    st.session_state[DRAFT] = st.text_area(
        "SQL",
        key=FIELD,
        height=HEIGHT,
        placeholder="select agent, count(*) as chats from conversations group by agent order by chats desc",
    )


def query() -> str:
    """What stands in the field."""
    return str(st.session_state.get(FIELD, st.session_state.get(DRAFT, ""))).strip()


def put(sql: str) -> None:
    """Put a query into the field, in place of what is there. For callbacks."""
    before = query()
    st.session_state[REPLACED] = before if before and before != sql.strip() else None
    st.session_state[FIELD] = sql
    state.touch(Part.PAGE)


def add(words: str) -> None:
    """Put words behind what is in the field. For callbacks."""
    before = str(st.session_state.get(FIELD, ""))
    gap = "" if not before or before[-1].isspace() else " "
    st.session_state[FIELD] = before + gap + words
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
            st.session_state[FIELD] = given
