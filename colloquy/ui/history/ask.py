"""Leads from a page with filters to a chat with the history analyst about the filtered chats."""

from __future__ import annotations

import streamlit as st

from colloquy.agents.data.history_scope import ScopeInvalidError, scope_in, scope_in_words
from colloquy.agents.toolsets import HISTORY
from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.formatting import label, plain_markdown, zone
from colloquy.ui.state import Part
from session_store.history.filters import HistoryFilter
from session_store.models import SessionKey

EVERYTHING = "Start a chat with the history analyst about all chats"
A_PART = "Start a chat with the history analyst about the filtered chats"


def ask_history_button(scope: HistoryFilter) -> None:
    """Draws a button that opens a chat with the history analyst, limited to the scope. A page may have one."""
    st.button(
        "Ask the history",
        key="ask-history",
        icon=":material/chat_info:",
        type="tertiary",
        help=EVERYTHING if scope.is_everything else A_PART,
        on_click=_begin,
        args=(scope,),
    )


def scope_line(scope: HistoryFilter | None) -> None:
    """Draws, above a chat's messages, the part of the history that it is about; nothing if that is all of it."""
    if scope is None or scope.is_everything:
        return
    application = current()
    workspaces = {workspace.id: workspace.name for workspace in application.store.workspaces.list()}
    agents = {agent.id: agent.name for agent in application.agents.list()}
    words = scope_in_words(
        scope,
        workspace=lambda one: workspaces.get(one, one),
        agent=lambda one: agents.get(one, one),
        model=application.models.label,
        zone=zone(),
    )
    with st.container(key="history-scope"):
        st.caption(f":material/filter_alt: About the chats with these filters: {label('; '.join(words))}")


def scope_of_session(key: SessionKey) -> HistoryFilter | None:
    """Returns the part of the history that a session is about; None for all of it. Warns on the page if it is
    invalid."""
    agent = current().agents.find(key.app_name)
    if agent is None or HISTORY not in agent.tools:
        return None
    try:
        return scope_in(current().store.sessions.state(key))
    except ScopeInvalidError as error:
        st.warning(plain_markdown(str(error)), icon=":material/filter_alt_off:")
        return None


def _begin(scope: HistoryFilter) -> None:
    state.new_chat(scope)
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)
