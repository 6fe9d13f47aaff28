"""The new chat: an empty session with something to try."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from runtime.attachments import Attachment
from runtime.workbench import current
from session_store.errors import ColloquyError
from ui import state
from ui.agents import agent_label, unusable_agents
from ui.formatting import untrusted_markdown
from ui.message_input import message_input
from ui.models import model_menu, model_notice, refusal_of
from ui.state import Part


def welcome() -> None:
    """A chat that becomes a session with its first message."""
    agents = current().agents.list()
    usable = [agent.id for agent in agents if not agent.problem]
    with st.container(key="welcome"):
        st.title("What shall we talk about?", anchor=False)
        chosen = st.pills(
            "Agent",
            usable,
            format_func=agent_label,
            default=state.draft_agent(),
            required=True,
            key="draft-agent-pills",
            label_visibility="collapsed",
            on_change=state.touch,
            args=(Part.PAGE,),
        )
        st.session_state.draft_agent = chosen
        agent = current().agents.get(state.draft_agent())
        st.caption(untrusted_markdown(agent.description))
        for number, prompt in enumerate(agent.prompts):
            st.button(
                prompt.label,
                key=f"prompt-{number}",
                width="stretch",
                icon=":material/arrow_outward:",
                on_click=_begin_with_prompt,
                args=(prompt.text,),
            )
        model_menu(None)
        model_notice(None)
        unusable_agents(agents)
    message_input("input-new", _begin)


def _begin(text: str, files: Sequence[Attachment] = ()) -> str | None:
    if refused := refusal_of(files, None):
        return refused
    try:
        current().turns.submit(state.create_session_from_draft(), text, files)
    except ColloquyError as error:
        return str(error)
    state.touch(Part.PAGE)
    return None


def _begin_with_prompt(text: str) -> None:
    if refused := _begin(text):
        st.toast(refused, icon=":material/error:")
