"""Everything that one running Colloquy consists of, put together once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from google.adk.sessions import BaseSessionService

from agents.adk_folders import AdkFolders
from agents.catalogue import AgentCatalogue
from agents.models import ModelCatalogue
from runtime.bus import BusEvent, EventBus, Happening
from runtime.execution import Services
from runtime.turns import Turns
from session_store import DuckDBSessionService, Store
from session_store.models import SessionKey, SessionSummary, TitleSource
from settings import Settings

DATABASE = "colloquy.duckdb"
PERSONAS = "personas"


@dataclass(frozen=True, slots=True)
class Workbench:
    """The parts that pages and the REST API work with."""

    settings: Settings
    store: Store
    sessions: BaseSessionService
    agents: AgentCatalogue
    models: ModelCatalogue
    bus: EventBus
    turns: Turns

    @classmethod
    def open(cls, settings: Settings, models: ModelCatalogue | None = None) -> Workbench:
        """Open the data folder and start running turns. ``models`` is the catalogue to use in place of the usual one.

        Raises:
            StoreError: the data folder cannot be used; says why and what to do.
        """
        store = Store(settings.data_dir / DATABASE)
        store.purge_deleted(older_than=settings.undo_seconds)
        folders = AdkFolders(settings.agents_dir) if settings.agents_dir else None
        agents = AgentCatalogue(settings.data_dir / PERSONAS, folders)
        services = Services(store, DuckDBSessionService(store), agents, models or ModelCatalogue(settings), EventBus())
        if folders:
            folders.load()
        turns = Turns(services, max_turns=settings.max_turns)
        turns.start()
        return cls(settings, store, services.sessions, services.agents, services.models, services.bus, turns)

    def create_session(self, *, agent_id: str, model: str) -> SessionSummary:
        """Create an empty session of this app's user.

        Raises:
            UnknownAgentError: there is no such agent.
        """
        agent = self.agents.get(agent_id)
        key = SessionKey(agent.id, self.settings.user, str(uuid.uuid4()))
        session = self.store.create_session(key, model=model if agent.chooses_model else None)
        self.bus.publish(BusEvent(Happening.SESSION_LIST_CHANGED, key))
        return session

    def rename_session(self, key: SessionKey, title: str) -> None:
        """Give a session a title that nothing but a person changes again. A blank title is ignored."""
        if title.strip() and self.store.rename_session(key, title.strip(), TitleSource.PERSON):
            self.bus.publish(BusEvent(Happening.SESSION_LIST_CHANGED, key))

    def set_saved(self, keys: Sequence[SessionKey], saved: bool) -> None:  # noqa: FBT001 - it is the value to set
        """Mark sessions as worth keeping, or no longer."""
        self.store.set_saved(keys, saved)
        self._list_changed(keys)

    def delete_sessions(self, keys: Sequence[SessionKey]) -> None:
        """Stop what runs in the sessions and hide them; ``restore_sessions`` brings them back for a while."""
        for key in keys:
            for view in self.turns.live(key):
                self.turns.stop(view.turn.id)
        self.store.delete_sessions(keys)
        self.store.purge_deleted(older_than=self.settings.undo_seconds)
        self._list_changed(keys)

    def restore_sessions(self, keys: Sequence[SessionKey]) -> None:
        """Bring deleted sessions back."""
        self.store.restore_sessions(keys)
        self._list_changed(keys)

    def _list_changed(self, keys: Sequence[SessionKey]) -> None:
        for key in keys:
            self.bus.publish(BusEvent(Happening.SESSION_LIST_CHANGED, key))

    def close(self) -> None:
        """End what runs, keep it, and release the data folder."""
        self.turns.close()
        self.models.close()
        self.store.close()


_current: list[Workbench] = []


def install(workbench: Workbench | None) -> None:
    """Make this the workbench of the process; None takes it away."""
    _current[:] = [workbench] if workbench else []


def current() -> Workbench:
    """The workbench of the process.

    Raises:
        RuntimeError: none is installed, which only happens outside the app.
    """
    if not _current:
        raise RuntimeError("No workbench is open in this process.")
    return _current[0]
