"""Tracks which sessions are at work, and which one is in front."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from colloquy.runtime.bus import NO_SESSION, BusEvent, EventBus, EventKind
from session_store import Store
from session_store.models import Page, SessionKey, SessionStatus, SessionSummary, Turn, TurnStatus


@dataclass(frozen=True, slots=True)
class ActiveSession:
    """A session at work. ``last_turn`` is its latest turn, without its message; None if it has had no turn since the
    app started."""

    session: SessionSummary
    last_turn: Turn | None

    @property
    def last_status(self) -> TurnStatus | None:
        """The status of its latest turn."""
        return self.last_turn.status if self.last_turn else None


class ActiveSessionRegistry:
    """The sessions that were created or got a message since the app started, or had unfinished turns then, except those
    that were terminated or dismissed. A deleted session is not listed until it is restored. Thread-safe."""

    def __init__(self, store: Store, bus: EventBus) -> None:
        self._store = store
        self._bus = bus
        self._last_turns: dict[SessionKey, str | None] = {}
        self._current: SessionKey | None = None
        self._lock = threading.Lock()

    def created(self, key: SessionKey) -> None:
        """Add a session that was just created, and announce it."""
        self.add(key)
        self._bus.publish(BusEvent(EventKind.SESSION_CREATED, key))
        self._bus.publish(BusEvent(EventKind.SESSION_LIST_CHANGED, key))

    def add(self, key: SessionKey, turn_id: str | None = None) -> None:
        """Add a session, with the turn that its latest message began."""
        with self._lock:
            self._last_turns[key] = turn_id

    def remove(self, keys: Iterable[SessionKey]) -> None:
        """Remove sessions that were terminated, dismissed or purged. If one of them was in front, none is now."""
        gone = set(keys)
        with self._lock:
            for key in gone:
                self._last_turns.pop(key, None)
        self.leave(gone)

    def leave(self, keys: Iterable[SessionKey]) -> None:
        """Note that sessions were hidden. If one of them was in front, none is now."""
        gone = set(keys)
        with self._lock:
            was_in_front = self._current in gone
            if was_in_front:
                self._current = None
        if was_in_front:
            self._changed(NO_SESSION)

    def list(self) -> list[ActiveSession]:
        """Return the sessions at work, newest activity first."""
        with self._lock:
            last_turns = dict(self._last_turns)
        turns = self._store.turns.by_id(turn_id for turn_id in last_turns.values() if turn_id)
        found = []
        for key, turn_id in last_turns.items():
            session = self._store.sessions.find(key)
            if session and session.status is not SessionStatus.TERMINATED:
                found.append(ActiveSession(session, turns.get(turn_id or "")))
        return sorted(found, key=lambda active: active.session.updated_at, reverse=True)

    def page(self, user_id: str, before: str | None, limit: int) -> Page[SessionSummary]:
        """Return a page of a user's sessions at work, latest first. Raises StoreError if ``before`` is invalid."""
        with self._lock:
            keys = frozenset(self._last_turns)
        page = self._store.sessions.list_among(user_id, keys, before=before, limit=limit)
        at_work = tuple(session for session in page.items if session.status is not SessionStatus.TERMINATED)
        return Page(at_work, page.next)

    @property
    def current(self) -> str | None:
        """The id of the session in front."""
        with self._lock:
            return self._current.session_id if self._current else None

    def switch(self, key: SessionKey) -> None:
        """Put a session in front."""
        with self._lock:
            before, self._current = self._current, key
        if key != before:
            self._changed(key)

    def _changed(self, key: SessionKey) -> None:
        self._bus.publish(BusEvent(EventKind.ACTIVE_SESSION_CHANGED, key))
