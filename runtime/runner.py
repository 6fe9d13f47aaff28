"""The ADK Runner of one turn."""

from __future__ import annotations

import asyncio
from typing import Any

from google.adk.agents.invocation_context import InvocationContext
from google.adk.agents.run_config import RunConfig
from google.adk.runners import Runner
from google.adk.sessions import BaseSessionService, Session
from google.adk.tools.tool_context import ToolContext
from google.genai import types

from agents.agent import Surroundings
from agents.catalogue import AgentCatalogue
from agents.data.results import QueryResult
from agents.models import ModelCatalogue
from session_store.models import Turn


class TurnRunner(Runner):
    """A Runner whose caller chooses the invocation id of each new turn."""

    async def _setup_context_for_resumed_invocation(
        self,
        *,
        session: Session,
        new_message: types.Content | None,
        invocation_id: str,
        run_config: RunConfig,
        state_delta: dict[str, Any] | None,
        abort_signal: asyncio.Event | None = None,
    ) -> InvocationContext:
        """ADK takes an id that it was given for one to resume, if the app is resumable. Here it may be a new one."""
        if new_message and all(event.invocation_id != invocation_id for event in session.events):
            return await self._setup_context_for_new_invocation(
                session=session,
                new_message=new_message,
                invocation_id=invocation_id,
                run_config=run_config,
                state_delta=state_delta,
                abort_signal=abort_signal,
            )
        return await super()._setup_context_for_resumed_invocation(
            session=session,
            new_message=new_message,
            invocation_id=invocation_id,
            run_config=run_config,
            state_delta=state_delta,
            abort_signal=abort_signal,
        )


class NoResults:
    """Drops what tools make. See ResultSink."""

    async def add_table(self, context: ToolContext, *, title: str, result: QueryResult) -> None:
        """Drop it."""

    async def add_chart(self, context: ToolContext, *, title: str, result: QueryResult, spec: dict[str, Any]) -> None:
        """Drop it."""


def runner_for(turn: Turn, agents: AgentCatalogue, models: ModelCatalogue, sessions: BaseSessionService) -> Runner:
    """What runs a turn: its session's agent, on the turn's model if the agent does not bring its own.

    Raises:
        UnknownAgentError, AgentProblemError: the agent is gone or broken.
        ModelUnavailableError: the model cannot be used now.
    """
    agent = agents.get(turn.key.app_name)
    model = models.llm(turn.model or models.default().id) if agent.chooses_model and not agent.problem else None
    return TurnRunner(
        app=agent.app(model, Surroundings(sink=NoResults())), app_name=turn.key.app_name, session_service=sessions
    )
