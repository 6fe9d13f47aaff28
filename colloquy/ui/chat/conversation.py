"""The conversation of one session: its header, its older messages and its live end."""

from __future__ import annotations

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.agents import agent_label, icon_of
from colloquy.ui.chat.live_turn import live_end
from colloquy.ui.chat.message_actions import editing
from colloquy.ui.chat.model_menu import model_menu, model_notice
from colloquy.ui.chat.transcript import Chatting, transcript
from colloquy.ui.formatting import label
from colloquy.ui.history.ask import scope_line, scope_of_session
from colloquy.ui.results.panel import results_panel
from colloquy.ui.state import Part
from colloquy.ui.workspaces.menu import connection_warning
from session_store.models import SessionKey, SessionSummary, StoredEvent

WINDOW = 20
"""Events that are on the page at first; each click on "Show older messages" adds as many again."""


def conversation(session: SessionSummary) -> None:
    """Draws a session that is in the store."""
    icon = icon_of(current().agents.find(session.key.app_name))
    _head(session)
    scope_line(scope_of_session(session.key))
    events, more = _window(session.key)
    settled = _without_last_turn(events)
    with st.container(key="settled"):  # a single container: Streamlit identifies the live end below by its position
        if more:
            st.button(
                "Show older messages", key="older", icon=":material/expand_less:", on_click=_older, width="stretch"
            )
        chatting = Chatting(current().store.turns.versions(session.key), editing())
        transcript(session.key, settled, icon, chatting)
        connection_warning(current().store.workspaces.get(session.workspace_id))
        model_notice(session)
    first = events[0].seq if more else 0
    live_end(session.key, settled, first, state.title_of(session), icon)


def _window(key: SessionKey) -> tuple[list[StoredEvent], bool]:
    size = st.session_state.get("window", {}).get(key.session_id, WINDOW)
    events = current().store.events.list(key, limit=size + 1)
    return events[-size:], len(events) > size


def _tab_title(session: SessionSummary) -> str:
    """Returns the title of the browser tab: the chat's title, its agent and its model."""
    agent = current().agents.find(session.key.app_name)
    asked = session.model and current().store.history.asked_a_model(session.key)
    model = current().models.label(session.model) if session.model and asked else ""
    return " · ".join(filter(None, (state.title_of(session), agent.name if agent else session.key.app_name, model)))


def _without_last_turn(events: list[StoredEvent]) -> list[StoredEvent]:
    """Drops the last turn, which belongs to the live end, where it can be run again."""
    if not events:
        return []
    last = events[-1].event.invocation_id
    return [event for event in events if event.event.invocation_id != last]


def _older() -> None:
    session_id = state.active_id()
    window = st.session_state.setdefault("window", {})
    window[session_id] = window.get(session_id, WINDOW) + WINDOW
    state.touch(Part.PAGE)


def _head(session: SessionSummary) -> None:
    st.set_page_config(page_title=_tab_title(session))
    with st.container(horizontal=True, vertical_alignment="center", key="head"):
        st.markdown(f"**{label(state.title_of(session))}**", width="stretch")
        st.caption(agent_label(session.key.app_name), width="content")
        model_menu(session)
        # The panel stands beside or over the chat by its style. Its place in the page is here, behind the button that
        # opens it, so that opening it moves nothing that comes after the header.
        results_panel(session.key)
