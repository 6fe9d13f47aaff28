"""The new chat: an empty session with suggestions to try."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from colloquy.agents.agent import Agent
from colloquy.runtime.application import current
from colloquy.runtime.attachments import Attachment
from colloquy.ui import state
from colloquy.ui.agents import agent_label, unusable_agents
from colloquy.ui.chat.message_input import Refused, commands, message_input, put_back, starters
from colloquy.ui.chat.model_menu import model_menu, model_notice, sendable
from colloquy.ui.formatting import label, plain_markdown, untrusted_markdown
from colloquy.ui.history.ask import scope_line
from colloquy.ui.state import Part
from colloquy.ui.workspaces.menu import connection_line
from session_store.errors import ColloquyError
from session_store.models import GENERAL, SAMPLE_SHOP, Workspace

OFFERED = "offered_agents"
"""Key in the state of the tab: the choices of agents that this server has drawn."""


def welcome() -> None:
    """Draws a chat that becomes a session with its first message."""
    workspace = current().store.workspaces.get(state.active_workspace())
    with st.container(key="welcome"):
        st.title(_heading(workspace), anchor=False)
        connection_line(state.active_workspace())
        notices = st.container()  # in view on a phone too, although the choice of the agent below determines them
        agent = _choice_of_agent()
        st.caption(untrusted_markdown(agent.description))
        scope_line(state.draft_scope())
        for number, prompt in enumerate(starters(agent, workspace)):
            st.button(
                prompt.label,
                key=f"prompt-{number}",
                width="stretch",
                icon=":material/arrow_outward:",
                on_click=_begin_with_prompt,
                args=(prompt.text,),
            )
        model_menu(None)
        with notices:
            model_notice(None)
        unusable_agents(current().agents.list())
        if state.active_workspace() == GENERAL:
            _pointer_to_the_sample_shop()
    message_input("input-new", _begin, commands=commands(agent, workspace))


def _heading(workspace: Workspace | None) -> str:
    if workspace and workspace.connection:
        return "What would you like to know?"
    return "What would you like to talk about?"


def _choice_of_agent() -> Agent:
    place = f"draft-agent-{state.active_workspace()}"

    def choose() -> None:
        state.choose_agent(st.session_state[place])
        state.touch(Part.PAGE)

    shown = st.pills(
        "Agent",
        [agent.id for agent in state.offered_agents()],
        format_func=agent_label,
        default=state.draft_agent(),
        required=True,
        key=place,
        label_visibility="collapsed",
        on_change=choose,
    )
    offered: set[str] = st.session_state.setdefault(OFFERED, set())
    if shown and place not in offered and shown != state.draft_agent():
        state.choose_agent(shown)  # a server that has just restarted learns from the page what was chosen there
    offered.add(place)
    return current().agents.get(state.draft_agent())


def _pointer_to_the_sample_shop() -> None:
    """Draws a link to the sample data, until the user has a chat there."""
    store = current().store
    shop = store.workspaces.get(SAMPLE_SHOP)
    if shop is None or store.sessions.list(current().settings.user, workspace_id=SAMPLE_SHOP, limit=1).items:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="pointer"):
        st.caption(":material/database: Try the data analyst with the sample database.", width="content")
        st.button(
            f"Ask the {label(shop.name[:1].lower() + shop.name[1:])}",
            key="ask-sample-shop",
            type="tertiary",
            icon=":material/arrow_forward:",
            on_click=_go_to_sample_shop,
        )


def _go_to_sample_shop() -> None:
    state.choose_workspace(SAMPLE_SHOP)
    state.touch(Part.PAGE)


def _begin(text: str, files: Sequence[Attachment] = ()) -> Refused | None:
    kept, reasons = sendable(files, None)
    if reasons:
        return Refused(reasons, kept)
    try:
        session = state.create_session_from_draft()
    except ColloquyError as error:
        return Refused([str(error)], files)
    try:
        current().turns.submit(session, text, files)
    except ColloquyError as error:
        put_back(session, text, Refused([str(error)], files))
    state.touch(Part.PAGE)
    return None


def _begin_with_prompt(text: str) -> None:
    if refused := _begin(text):
        st.toast(plain_markdown(" ".join(refused.reasons)), icon=":material/error:")
