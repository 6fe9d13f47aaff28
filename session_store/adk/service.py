"""ADK's session service on DuckDB."""

from __future__ import annotations

import asyncio
import copy
import os
from concurrent.futures import Future
from dataclasses import dataclass
from operator import attrgetter
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from google.adk.errors.input_validation_error import InputValidationError
from google.adk.events.event import Event
from google.adk.sessions.base_session_service import BaseSessionService, GetSessionConfig, ListSessionsResponse
from google.adk.sessions.session import Session

from session_store.adk.listing import listed_sessions, merged_state
from session_store.compat.adk import revision_of, set_revision
from session_store.engine.shared_stores import borrow, give_back, path_of
from session_store.models import SessionKey
from session_store.sessions.event_rows import NewEvent
from session_store.sessions.log import KnownState, SessionLog, new_session_id
from session_store.sessions.reads import Loaded
from session_store.store import Store

T = TypeVar("T")
END_OF_TIME: Final = 253_402_300_800.0
"""The end of the year 9999 in Unix seconds."""
_timestamp = attrgetter("timestamp")


@dataclass(slots=True)
class _Waiting:
    """Whether the caller that appends an event has stopped waiting for it."""

    given_up: bool = False


class DuckDBSessionService(BaseSessionService):
    """Keeps ADK sessions in a DuckDB file.

    Safe to use from several threads and event loops at once. An append returns once it is durable.
    """

    def __init__(
        self,
        path_or_store: str | os.PathLike[str] | Store | None = None,
        *,
        uri: str | None = None,
        **_ignored: object,
    ) -> None:
        """Open the file, or share an open store.

        Args:
            path_or_store: a path, a ``duckdb:`` URI, or an open store (which its owner closes).
            uri: the same as a keyword argument, as ADK's service registry calls it. Its other keywords are ignored.

        Raises:
            StoreError: the file cannot be used; its message says why.
            TypeError: neither or both were given.
        """
        if (path_or_store is None) == (uri is None):
            raise TypeError("DuckDBSessionService takes a path, a duckdb: URI or a Store.")
        where = uri if path_or_store is None else path_or_store
        if isinstance(where, Store):
            self._store, self._borrowed = where, False
        else:
            assert where is not None  # noqa: S101 - exactly one of the two is None
            self._store, self._borrowed = borrow(path_of(where)), True
        self._appending: dict[int, asyncio.Task[Event]] = {}

    @property
    def store(self) -> Store:
        """The underlying store."""
        return self._store

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Create a session. A blank id is replaced by a new one.

        Raises:
            AlreadyExistsError: the id is in use.
        """
        given = session_id.strip() if session_id else ""
        key = SessionKey(app_name, user_id, given or new_session_id())
        return _session(await self._kept(key, self._store.log.create(key, state or {}, fresh=not given)), None, None)

    async def get_session(
        self, *, app_name: str, user_id: str, session_id: str, config: GetSessionConfig | None = None
    ) -> Session | None:
        """Return the session with its events in order of time, limited as ``config`` says; None if it does not
        exist."""
        log, key = self._store.log, _key(app_name, user_id, session_id)
        newest = config.num_recent_events if config else None
        since = (config.after_timestamp or None) if config else None
        if (left := log.left_behind(key)) is not None:
            await asyncio.wrap_future(left)
        loaded = log.recall(key)
        if loaded is not None:
            return _session(loaded, newest, since)
        # Parsing is the slow part, and the caller's event loop has other work.
        return await asyncio.to_thread(_read, log, key, newest, since)

    async def list_sessions(self, *, app_name: str, user_id: str | None = None) -> ListSessionsResponse:
        """List sessions without their events, least recently updated first; of all users if none is given."""
        sessions = await asyncio.to_thread(listed_sessions, self._store.log, app_name, user_id)
        return ListSessionsResponse(sessions=sessions)

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Remove a session for good, with everything that belongs to it. The user's and the application's state
        stay."""
        key = _key(app_name, user_id, session_id)
        await self._kept(key, self._store.log.remove([key]))

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """Return the user's state with this application, without the ``user:`` prefix."""
        state = await asyncio.to_thread(self._store.log.user_state, (app_name, user_id))
        return copy.deepcopy(dict(state))

    async def append_event(self, session: Session, event: Event) -> Event:
        """Append an event to the stored session and to ``session``. Partial events are not stored.

        Appends through the same ``session`` object wait for each other. A canceled append may still be stored;
        ``session`` then gets the event as soon as it is. Whether it is stored is settled before the session is next
        read.

        Raises:
            InputValidationError: its timestamp is not a time in Unix seconds, from 1970 to 9999.
            SessionNotFoundError: the session does not exist (any more).
            StaleSessionError: the stored session has changed since ``session`` was read.
            AlreadyExistsError: the session already has an event with this id.
        """
        if event.partial:
            return event
        check_time(event.timestamp)
        waiting = _Waiting()
        task = asyncio.ensure_future(self._append(session, event, self._appending.get(id(session)), waiting))
        self._appending[id(session)] = task
        task.add_done_callback(lambda done: self._appended(id(session), done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            waiting.given_up = True
            self._store.log.leave_behind(_key_of(session))
            raise

    async def flush(self) -> None:
        """Do nothing: whatever was appended is durable."""

    async def close(self) -> None:
        """Release the file, unless the store belongs to the caller or is still in use elsewhere."""
        if self._borrowed:
            self._borrowed = False
            await asyncio.to_thread(give_back, self._store)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _append(
        self, session: Session, event: Event, earlier: asyncio.Task[Event] | None, waiting: _Waiting
    ) -> Event:
        if earlier is not None and earlier.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([earlier])
            if waiting.given_up:
                raise asyncio.CancelledError
        self._apply_temp_state(session, event)
        event = self._trim_temp_delta_state(event)
        known = KnownState(
            revision=revision_of(session),
            updated_at=session.last_update_time,
            last_event_id=session.events[-1].id if session.events else None,
        )
        key = _key_of(session)
        revision = await self._kept(key, self._store.log.append(key, NewEvent.of(event), known))
        session.last_update_time = event.timestamp
        set_revision(session, revision)
        return self._commit_event_to_session(session, event)

    async def _kept(self, key: SessionKey, future: Future[T]) -> T:
        """Return the writer's result. If the caller stops waiting, the writer carries on."""
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            self._store.log.leave_behind(key)
            raise

    def _appended(self, session: int, task: asyncio.Task[Event]) -> None:
        if self._appending.get(session) is task:
            del self._appending[session]


def check_time(timestamp: float) -> None:
    """Refuse a timestamp that no calendar has: nothing could display it.

    Raises:
        InputValidationError
    """
    if not 0 <= timestamp < END_OF_TIME:  # also false for NaN
        raise InputValidationError("The timestamp of an event is in Unix seconds, from 1970 to 9999.")


def _key_of(session: Session) -> SessionKey:
    return SessionKey(session.app_name, session.user_id, session.id)


def _key(app_name: str, user_id: str, session_id: str) -> SessionKey:
    return SessionKey(app_name, user_id, session_id.strip() if session_id else session_id)


def _read(log: SessionLog, key: SessionKey, newest: int | None, since: float | None) -> Session | None:
    loaded = log.load(key, newest=newest, since=since)
    return None if loaded is None else _session(loaded, newest, since)


def _session(loaded: Loaded, newest: int | None, since: float | None) -> Session:
    head = loaded.head
    events = sorted([event.event() for event in loaded.events], key=_timestamp)
    if since is not None:
        events = [event for event in events if event.timestamp >= since]
    if newest is not None:
        events = events[len(events) - min(newest, len(events)) :]
    session = Session(
        id=head.key.session_id,
        app_name=head.key.app_name,
        user_id=head.key.user_id,
        state=merged_state(head.state, loaded.app_state, loaded.user_state),
        last_update_time=head.updated_at,
    )
    session.events = events
    set_revision(session, head.revision)
    return session
