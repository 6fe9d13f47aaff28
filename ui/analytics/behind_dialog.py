"""The conversations behind a figure or a point of a chart."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from session_store.analytics.behind import Behind, Conversation
from session_store.analytics.scope import Scope
from ui.agents import agent_label
from ui.analytics.source import analytics
from ui.formatting import label, local

CHAT = Path(__file__).parents[2] / "pages" / "chat.py"
ROWS = 12
LIMIT = "behind_rows"


def behind(scope: Scope, picked: Behind, title: str) -> None:
    """Open the list, newest first."""
    st.session_state[LIMIT] = ROWS
    st.dialog(label(title), width="large")(_list)(scope, picked)


def _list(scope: Scope, picked: Behind) -> None:
    rows, number = analytics().conversations(scope, picked, st.session_state[LIMIT])
    st.caption(f"{number:,} chats, newest first" if number != 1 else "1 chat")
    for row in rows:
        _row(row)
    if number > len(rows):
        st.button("Show more", key="more-behind", icon=":material/expand_more:", type="tertiary", on_click=_more)


def _row(row: Conversation) -> None:
    with st.container(gap=None, key=f"behind-row-{row.id}"):
        st.page_link(CHAT, label=label(row.title or "New chat"), query_params={"session": row.id}, width="stretch")
        messages = "1 message" if row.messages == 1 else f"{row.messages:,} messages"
        facts = [
            agent_label(row.agent),
            label(row.model or ""),
            label(row.user),
            messages,
            f"{local(row.latest):%d %b %Y}",
        ]
        st.caption(" · ".join(filter(None, facts)))


def _more() -> None:
    st.session_state[LIMIT] += 5 * ROWS
