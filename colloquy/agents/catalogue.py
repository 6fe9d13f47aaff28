"""The agents that a session can use, from all sources."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from colloquy.agents.adk_folders import AdkFolders
from colloquy.agents.agent import Agent, Source, UnknownAgentError
from colloquy.agents.persona import PersonaFolder

BUILT_IN = Path(__file__).parent / "personas"

FIRST = "assistant"
"""The agent with which new chats start."""

LOOK_EVERY = 1.0
"""Seconds between two checks of the persona files."""


class AgentCatalogue:
    """The agents to choose from. Thread-safe.

    Built-in personas come first, then the user's, then ADK folders. An agent with the id of an earlier one replaces it,
    even if it is broken, so that no session continues with a different agent than its id names.
    """

    def __init__(
        self,
        personas: Path | None = None,
        folders: AdkFolders | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``personas`` is the folder of the user's own personas; ``clock`` returns seconds."""
        self._personas = [PersonaFolder(BUILT_IN, Source.BUILT_IN)]
        if personas:
            self._personas.append(PersonaFolder(personas, Source.YOURS))
        self._folders = folders
        self._clock = clock
        self._looked_at = -LOOK_EVERY
        self._from_files: Sequence[Agent] = ()
        self._lock = threading.Lock()

    def list(self) -> list[Agent]:
        """Return all agents in display order: those from ADK folders, then the assistant, then the others by name. Some
        may have a ``problem``."""
        return sorted(
            self._by_id().values(),
            key=lambda agent: (
                agent.source is not Source.ADK_FOLDER,
                agent.id != FIRST,
                agent.name.casefold(),
                agent.id,
            ),
        )

    def default(self) -> Agent:
        """Return the agent of a session for which none was chosen: the assistant, or else the first usable one."""
        agents = sorted(self.list(), key=lambda agent: agent.id != FIRST)
        return next((agent for agent in agents if not agent.problem), agents[0])

    def find(self, agent_id: str) -> Agent | None:
        """Return the agent with this id; None if it no longer exists."""
        return self._by_id().get(agent_id)

    def get(self, agent_id: str) -> Agent:
        """Return the agent with this id.

        Raises:
            UnknownAgentError: there is none.
        """
        agent = self.find(agent_id)
        if agent is None:
            raise UnknownAgentError(f"There is no agent {agent_id!r} any more. Start a new chat with another agent.")
        return agent

    def _by_id(self) -> dict[str, Agent]:
        agents = [*self._persona_agents(), *(self._folders.agents() if self._folders else ())]
        return {agent.id: agent for agent in agents}

    def _persona_agents(self) -> Sequence[Agent]:
        with self._lock:
            now = self._clock()
            if now - self._looked_at >= LOOK_EVERY:
                self._looked_at = now
                self._from_files = [agent for folder in self._personas for agent in folder.agents()]
            return self._from_files
