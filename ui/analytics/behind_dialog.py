"""The conversations behind a figure or a point of a chart."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

import streamlit as st

from session_store.analytics.behind import Behind, Conversation
from session_store.analytics.scope import Scope
from ui.analytics.names import agent_name
from ui.analytics.source import analytics
from ui.formatting import label, local
from ui.history.links import reader_url

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
    st.html(f'<ul class="behind">{"".join(map(_row, rows))}</ul>')
    if number > len(rows):
        st.button("Show more", key="more-behind", icon=":material/expand_more:", type="tertiary", on_click=_more)


def _row(row: Conversation) -> str:
    """Links of the browser's own: with Streamlit's, the way back would lead here without the filters. The title leads
    to the message that the figure or point is about, the other link to where the chat goes on."""
    messages = "1 message" if row.messages == 1 else f"{row.messages:,} messages"
    facts = [agent_name(row.agent), row.model, row.user, messages, f"{local(row.latest):%d %b %Y}"]
    place, chat = escape(reader_url(row.id, row.event_id)), f"./?session={quote(row.id)}"
    return (
        f'<li><a class="place" href="{place}">{escape(row.title or "New chat")}</a>'
        f'<span>{escape(" · ".join(filter(None, facts)))} · <a href="{chat}">Open chat</a></span></li>'
    )


def _more() -> None:
    st.session_state[LIMIT] += 5 * ROWS
