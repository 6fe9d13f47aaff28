"""How agents look on the page, including broken and removed ones, and what they and their models are called."""

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
    """Returns the icon of an agent; a neutral one if the agent is gone or names an icon that does not exist."""
    try:
        return validate_icon_or_emoji(agent.icon) if agent else NEUTRAL_ICON
    except StreamlitAPIException:
        return NEUTRAL_ICON


def agent_label(agent_id: str) -> str:
    """Returns the icon and name of an agent as a label; its id if the agent is gone."""
    agent = current().agents.find(agent_id)
    return f"{icon_of(agent)} {label(agent.name if agent else agent_id)}"


def other_author(author: str, agent_id: str) -> str | None:
    """Returns the author of a message if it is a sub-agent of the session's agent, None if it is the agent itself."""
    agent = current().agents.find(agent_id)
    own = {agent_id, agent.root_name} if agent else {agent_id}
    return None if author in own else author


def unusable_agents(agents: list[Agent]) -> None:
    """Lists the agents that cannot be chosen, and why."""
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
    """Names the agents that are still loading, and redraws the page when one of them is ready."""
    if names != [agent.name for agent in current().agents.list() if agent.loading]:
        state.rerun()
    st.caption(f"Loading {label(', '.join(names))} …")


def agent_name(agent_id: str) -> str:
    """Returns the name of an agent; its id if the agent is gone."""
    agent = current().agents.find(agent_id)
    return agent.name if agent else agent_id


def model_name(model: str) -> str:
    """Returns the label of a model, which the figures know by its id or by its provider's name for it."""
    return current().models.label(model)
