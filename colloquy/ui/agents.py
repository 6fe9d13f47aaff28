"""How agents look on the page, those that are broken or gone included."""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.string_util import validate_icon_or_emoji

from colloquy.agents.agent import NEUTRAL_ICON, Agent
from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.formatting import label, plain_markdown
from session_store.phrases import counted


def icon_of(agent: Agent | None) -> str:
    """The icon of an agent; a neutral one where it is gone, or names one that does not exist."""
    try:
        return validate_icon_or_emoji(agent.icon) if agent else NEUTRAL_ICON
    except StreamlitAPIException:
        return NEUTRAL_ICON


def agent_label(agent_id: str) -> str:
    """Icon and name of an agent for a label; its id where it is gone."""
    agent = current().agents.find(agent_id)
    return f"{icon_of(agent)} {label(agent.name if agent else agent_id)}"


def other_author(author: str, agent_id: str) -> str | None:
    """The author of a message, if that is an agent inside the session's agent and not that one itself."""
    agent = current().agents.find(agent_id)
    own = {agent_id, agent.root_name} if agent else {agent_id}
    return None if author in own else author


def unusable_agents(agents: list[Agent]) -> None:
    """What cannot be chosen, and why."""
    loading = [agent.name for agent in agents if agent.loading]
    broken = [agent for agent in agents if agent.problem and not agent.loading]
    if loading:
        _until_loaded(loading)
    if broken:
        with st.expander(f"{counted(len(broken), 'agent')} cannot be used", icon=":material/error:"):
            for agent in broken:
                st.markdown(f"{label(agent.name)} :gray[({agent.source})]")
                st.caption(plain_markdown(agent.problem or ""))


@st.fragment(run_every=1)
def _until_loaded(names: list[str]) -> None:
    """Names what is still being loaded, and builds the page again when one of them is there."""
    if names != [agent.name for agent in current().agents.list() if agent.loading]:
        state.rerun()
    st.caption(f"Loading {label(', '.join(names))} …")
