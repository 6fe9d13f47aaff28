"""The catalogue of agents as ADK's API server asks for agents."""

from __future__ import annotations

from typing import Any

from google.adk.apps.app import App
from google.adk.cli.utils.base_agent_loader import BaseAgentLoader
from google.adk.tools.tool_context import ToolContext

from colloquy.agents.agent import Agent, AgentProblemError, Surroundings
from colloquy.agents.data.results import QueryResult
from colloquy.runtime.application import Application


class CatalogueLoader(BaseAgentLoader):
    """Lists the agents that can be used. What it loads is to be looked at only: turns load their agents themselves."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def list_agents(self) -> list[str]:
        """Their ids."""
        return [agent.id for agent in self._usable()]

    def list_agents_detailed(self) -> list[dict[str, Any]]:
        """What ADK tells of each."""
        return [
            {
                "name": agent.id,
                "root_agent_name": agent.root_name,
                "description": agent.description,
                "language": "python",
                "is_computer_use": False,
            }
            for agent in self._usable()
        ]

    def load_agent(self, agent_name: str) -> App:
        """The agent of this id, with a model and data that stand for those of any session.

        Raises:
            ValueError: there is none.
            AgentProblemError: it cannot be used.
        """
        agent, models = self.find(agent_name), self._application.models
        model = models.llm_when_asked(models.default().id) if agent.chooses_model else None
        data = self._application.workspaces.history()
        return agent.app(model, Surroundings(sink=_NoResults(), data=data, history=data))

    def find(self, agent_name: str) -> Agent:
        """The agent of this id, if it can be used. Raises like ``load_agent``."""
        agent = self._application.agents.find(agent_name)
        if agent is None:
            raise ValueError(f"There is no agent {agent_name!r}.")
        if agent.problem:
            raise AgentProblemError(agent.problem)
        return agent

    def _usable(self) -> list[Agent]:
        return sorted(
            (agent for agent in self._application.agents.list() if not agent.problem), key=lambda agent: agent.id
        )


class _NoResults:
    """Where the results of an agent go that nobody runs."""

    async def add_table(self, context: ToolContext, *, title: str, result: QueryResult) -> None:
        """See ``ResultSink``."""

    async def add_chart(self, context: ToolContext, *, title: str, result: QueryResult, spec: dict[str, Any]) -> None:
        """See ``ResultSink``."""
