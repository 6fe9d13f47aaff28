"""The ADK session service of the running application, and the files that belong to sessions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from google.adk.events.event import Event
from google.adk.sessions import Session

from colloquy.runtime.active import ActiveSessionRegistry
from colloquy.runtime.artifacts import Artifacts
from colloquy.runtime.bus import BusEvent, EventBus, EventKind
from colloquy.runtime.transcripts.logs import TranscriptLogs
from session_store import DuckDBSessionService, Store
from session_store.adk.service import check_time
from session_store.models import SessionKey


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """Files that agents made, and transcript logs."""

    artifacts: Artifacts
    transcripts: TranscriptLogs

    def delete(self, keys: Collection[SessionKey]) -> None:
        """Delete all files of sessions that are gone for good."""
        self.artifacts.delete_files(keys)
        self.transcripts.delete(keys)


class Sessions(DuckDBSessionService):
    """Announces what it does: ADK clients may create and delete sessions, and events come from everywhere."""

    def __init__(self, store: Store, bus: EventBus, active: ActiveSessionRegistry, files: SessionFiles) -> None:
        super().__init__(store)
        self._bus = bus
        self._active = active
        self._files = files

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Create a session. Raises the same errors as the base class."""
        session = await super().create_session(app_name=app_name, user_id=user_id, state=state, session_id=session_id)
        self._active.created(_key(session))
        return session

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Remove a session for good, with its files."""
        await super().delete_session(app_name=app_name, user_id=user_id, session_id=session_id)
        key = SessionKey(app_name, user_id, session_id.strip())
        self._active.remove([key])
        self._files.delete([key])
        self._bus.publish(BusEvent(EventKind.SESSION_LIST_CHANGED, key))

    async def append_event(self, session: Session, event: Event) -> Event:
        """Append an event. Raises the same errors as the base class.

        Its time is never earlier than that of the event before it: ADK orders events by time, and a clock that was set
        back would put new events before older ones.
        """
        if not event.partial:
            check_time(event.timestamp)
            event.timestamp = max([event.timestamp, *(last.timestamp for last in session.events[-1:])])
        appended = await super().append_event(session, event)
        if not event.partial:
            self._files.transcripts.event(_key(session), appended)
        return appended


def _key(session: Session) -> SessionKey:
    return SessionKey(session.app_name, session.user_id, session.id)
