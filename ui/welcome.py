"""The new chat: an empty session with something to try."""

from __future__ import annotations

import streamlit as st

from runtime.workbench import current
from session_store.errors import ColloquyError
from ui import state
from ui.models import model_menu, model_notice


def welcome() -> None:
    """A chat that becomes a session with its first message."""
    agents = {agent.id: agent for agent in current().agents.list()}
    with st.container(key="welcome"):
        st.title("What shall we talk about?", anchor=False)
        chosen = st.pills(
            "Agent",
            list(agents),
            format_func=lambda agent_id: f"{agents[agent_id].head.icon} {agents[agent_id].head.name}",
            default=state.draft_agent(),
            required=True,
            key="draft-agent-pills",
            label_visibility="collapsed",
        )
        st.session_state.draft_agent = chosen
        agent = agents[state.draft_agent()]
        st.caption(agent.head.description)
        prompts = agent.head.prompts
        for number, prompt in enumerate(prompts):
            st.button(
                prompt,
                key=f"prompt-{number}",
                width="stretch",
                icon=":material/arrow_outward:",
                on_click=_begin,
                args=(prompt,),
            )
        model_menu(None)
        model_notice(None)
    with st.bottom:
        st.chat_input("Write a message", key="input-new", on_submit=lambda: _begin(st.session_state["input-new"]))


def _begin(text: str) -> None:
    try:
        current().turns.submit(state.create_session_from_draft(), text)
    except ColloquyError as error:
        st.toast(str(error), icon=":material/error:")
