"""The services that running a turn needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.adk.artifacts import BaseArtifactService
from google.adk.sessions import BaseSessionService

from colloquy.agents.catalogue import AgentCatalogue
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.history_scope import scope_in
from colloquy.agents.models import ModelCatalogue
from colloquy.runtime.active import ActiveSessionRegistry
from colloquy.runtime.bus import EventBus
from colloquy.runtime.results import Results
from colloquy.runtime.transcripts.logs import TranscriptLogs
from colloquy.runtime.workspaces.workspaces import Workspaces
from colloquy.settings import Settings
from session_store import Store
from session_store.history.filters import HistoryFilter
from session_store.models import SessionKey


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of an application that turns work with."""

    settings: Settings
    store: Store
    sessions: BaseSessionService
    artifacts: BaseArtifactService
    agents: AgentCatalogue
    models: ModelCatalogue
    bus: EventBus
    workspaces: Workspaces
    results: Results
    active: ActiveSessionRegistry
    transcripts: TranscriptLogs
    thinkers: set[tuple[str, str, str | None]] = field(default_factory=set)
    """Applications, authors and models whose answers have been seen to begin in the middle of a thought: their prompt
    contains the opening tag."""

    @property
    def bounds(self) -> Bounds:
        """The limits of one query."""
        return Bounds(rows=self.settings.query_rows, seconds=self.settings.query_seconds)

    def history_scope(self, key: SessionKey) -> HistoryFilter | None:
        """Return the part of the history that a session may query: the filters of the page on which it was started.
        None if it may query everything.

        Raises:
            ScopeInvalidError: the stored scope cannot be read.
        """
        return scope_in(self.store.sessions.state(key))
