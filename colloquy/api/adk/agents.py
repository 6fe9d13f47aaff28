"""Gives ADK's API server the catalogue of agents through its agent loader interface."""

from __future__ import annotations

from typing import Any

from google.adk.apps.app import App
from google.adk.cli.utils.base_agent_loader import BaseAgentLoader
from google.adk.tools.tool_context import ToolContext

from colloquy.agents.agent import Agent, AgentContext, AgentProblemError
from colloquy.agents.data.results import QueryResult
from colloquy.runtime.application import Application


class CatalogueLoader(BaseAgentLoader):
    """Lists the usable agents. Agents loaded here are only inspected: turns load their agents themselves."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def list_agents(self) -> list[str]:
        """Return their ids."""
        return [agent.id for agent in self._usable()]

    def list_agents_detailed(self) -> list[dict[str, Any]]:
        """Return ADK's description of each agent."""
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
        """Return the agent with this id, with a model and data that stand in for those of a session.

        Raises:
            ValueError: the agent does not exist.
            AgentProblemError: it cannot be used.
        """
        agent, models = self.find(agent_name), self._application.models
        model = models.llm_when_asked(models.default().id) if agent.chooses_model else None
        data = self._application.workspaces.history()
        return agent.app(model, AgentContext(sink=_NoResults(), data=data, history=data))

    def find(self, agent_name: str) -> Agent:
        """Return the agent with this id, if it can be used. Raises the same errors as ``load_agent``."""
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
    """Discards the results of an agent that is not run."""

    async def add_table(self, context: ToolContext, *, title: str, result: QueryResult) -> None:
        """See ``ResultSink``."""

    async def add_chart(self, context: ToolContext, *, title: str, result: QueryResult, spec: dict[str, Any]) -> None:
        """See ``ResultSink``."""
