"""The commands that a message can begin with, and the first messages that an agent suggests."""

from __future__ import annotations

from collections.abc import Sequence

from colloquy.agents.agent import Agent, Prompt, Source
from colloquy.runtime.workspaces.workspaces import SAMPLE
from colloquy.ui import state
from colloquy.ui.components import Command
from session_store.models import Workspace

ABOUT_ANY_DATA = (Prompt("/sql show tables", "Which tables are there?"),)
"""Suggestions for the data analyst where its own prompts, which are about the sample shop, do not fit."""

ON_DATA = (
    Command("/sql", "Run a SQL query", "/sql "),
    Command("/chart", "Run a query and chart the result", "/chart "),
)
NONE = (Command("/", "No commands here: /sql and /chart need an agent with data"),)


def starters(agent: Agent, workspace: Workspace | None) -> Sequence[Prompt]:
    """Returns the first messages that an agent suggests in a workspace."""
    has_shop = workspace is not None and workspace.connection is not None and workspace.connection.kind == SAMPLE
    is_about_the_shop = agent.id == state.DATA_ANALYST and agent.source is Source.BUILT_IN
    return ABOUT_ANY_DATA if is_about_the_shop and not has_shop else agent.prompts


def commands(agent: Agent | None, workspace: Workspace | None) -> Sequence[Command]:
    """Returns what can follow a ``/`` at the beginning of a message to an agent: commands, and starters that are
    commands."""
    if agent is None or not agent.chooses_model:
        return ()
    if not agent.tools:
        return NONE
    ready = [prompt for prompt in starters(agent, workspace) if prompt.text.startswith("/")]
    return (*ON_DATA, *(Command(prompt.text.split(maxsplit=1)[0], prompt.label, prompt.text) for prompt in ready))
