"""What running a turn needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.adk.artifacts import BaseArtifactService
from google.adk.sessions import BaseSessionService

from agents.catalogue import AgentCatalogue
from agents.data.bounds import Bounds
from agents.models import ModelCatalogue
from runtime.active import ActiveSessions
from runtime.bus import EventBus
from runtime.results import Results
from runtime.transcript_logs import TranscriptLogs
from runtime.workspaces import Workspaces
from session_store import Store
from settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a workbench that turns work with."""

    settings: Settings
    store: Store
    sessions: BaseSessionService
    artifacts: BaseArtifactService
    agents: AgentCatalogue
    models: ModelCatalogue
    bus: EventBus
    workspaces: Workspaces
    results: Results
    active: ActiveSessions
    transcripts: TranscriptLogs
    thinkers: set[tuple[str, str, str | None]] = field(default_factory=set)
    """Applications, authors and models whose answers were seen to begin in the midst of a thought: their prompt has the
    tag that begins it."""

    @property
    def bounds(self) -> Bounds:
        """What one query may take."""
        return Bounds(rows=self.settings.query_rows, seconds=self.settings.query_seconds)
