"""What all agents have in common, wherever they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum

from google.adk.apps.app import App
from google.adk.models import BaseLlm

from colloquy.agents.data.database import Database
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.tools.data_tools import ResultSink
from session_store.errors import ColloquyError

WITH_DATA = "data"
"""The kind of workspaces that have a data connection."""

NEUTRAL_ICON = ":material/smart_toy:"


class AgentProblemError(ColloquyError):
    """An agent is listed but cannot be used now; the message says why."""


class UnknownAgentError(ColloquyError):
    """No agent has this id."""


class Source(StrEnum):
    """Where an agent comes from."""

    BUILT_IN = "built in"
    YOURS = "yours"
    ADK_FOLDER = "ADK folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContext:
    """What a session gives its agent for one turn. ``data`` is the data of the session's workspace, or None if it has
    no connection. ``history`` is Colloquy's own conversations; ``scope`` describes in phrases which of them it is
    limited to (see history_scope.scope_in_words)."""

    sink: ResultSink
    data: Database | None = None
    history: Database | None = None
    scope: tuple[str, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)
    messages: int = 20
    """How many of the newest messages the model sees; 0 for all. An agent's own number takes precedence."""
    compaction: bool = False
    """Whether ADK's own compaction is used instead of that limit."""
    calls_tools: bool = True
    """Whether the session's model calls tools reliably."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A suggested first message, and its label."""

    text: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Agent(ABC):
    """An agent that a session can use. ``id`` is the ADK application name of its sessions."""

    id: str
    name: str
    source: Source
    icon: str = NEUTRAL_ICON
    description: str = ""
    prompts: tuple[Prompt, ...] = ()
    model: str | None = None
    """The id of the model that new sessions start with, if the agent prefers one."""
    tools: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    """The kinds of workspaces that it is for; empty for all."""
    messages: int | None = None
    """How many of the newest messages its model sees, if it sets its own number; 0 for all."""

    @property
    def problem(self) -> str | None:
        """Why it cannot be used, as a sentence; None if it can."""
        return None

    @property
    def lacks(self) -> str | None:
        """What its own model lacks in order to answer, as a sentence; None if nothing is known to be missing."""
        return None

    @property
    def chooses_model(self) -> bool:
        """Whether it uses the session's model; otherwise it brings its own."""
        return True

    @property
    def loading(self) -> bool:
        """Whether its only problem is that it is not loaded yet."""
        return False

    @property
    def root_name(self) -> str:
        """The author of what it says itself; other agents inside it are other authors."""
        return self.id

    def asks_model(self, message: str) -> bool:  # noqa: ARG002 - the interface of all agents
        """Whether a message goes to a model, as far as the text tells: a query is answered without one."""
        return True

    def fits(self, workspace_has_data: bool) -> bool:  # noqa: FBT001 - the only thing that is asked
        """Whether to offer it in a workspace with (or without) a data connection."""
        return workspace_has_data or WITH_DATA not in self.workspaces

    def messages_seen(self, by_default: int) -> int:
        """Return how many of the newest messages its model sees; 0 for all. ``by_default`` is the setting."""
        return by_default if self.messages is None else self.messages

    @abstractmethod
    def app(self, model: BaseLlm | None, context: AgentContext) -> App:
        """Return the app that ADK's Runner runs for one turn. ``model`` is the session's; None if the agent brings its
        own.

        Raises:
            AgentProblemError: it cannot be used.
        """


@dataclass(frozen=True, kw_only=True)
class UnusableAgent(Agent):
    """An agent that is listed but cannot be used: it is broken, or not loaded yet."""

    reason: str
    not_yet: bool = False

    @property
    def problem(self) -> str:
        """Why it cannot be used."""
        return self.reason

    @property
    def loading(self) -> bool:
        """Whether it is not loaded yet."""
        return self.not_yet

    @property
    def chooses_model(self) -> bool:
        """Whether it would use the session's model."""
        return self.source is not Source.ADK_FOLDER

    def app(self, model: BaseLlm | None, context: AgentContext) -> App:  # noqa: ARG002 - the interface of all agents
        """Raise AgentProblemError: there is nothing to run."""
        raise AgentProblemError(self.reason)
