"""Tells whoever listens what happens in sessions, as it happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from session_store.models import SessionKey


class Happening(StrEnum):
    """Kinds of bus events."""

    SESSION_CREATED = "session-created"
    SESSION_TERMINATED = "session-terminated"
    SESSION_LIST_CHANGED = "session-list-changed"
    ACTIVE_SESSION_CHANGED = "active-session-changed"
    SESSION_CHANGED = "session-changed"
    TURN_CHANGED = "turn-changed"
    AGENT_CHUNK = "agent-chunk"
    RESULT_ADDED = "result-added"
    WORKSPACES_CHANGED = "workspaces-changed"


NO_SESSION = SessionKey("", "", "")
"""The key of what happens outside sessions."""


@dataclass(frozen=True, slots=True)
class BusEvent:
    """Something that happened. ``text`` is what a chunk added, empty for the other kinds."""

    kind: Happening
    key: SessionKey
    turn_id: str | None = None
    text: str = ""


Listener = Callable[[BusEvent], None]


class EventBus:
    """Hands every event to every listener, on the thread that publishes it.

    A listener must not block or raise: it is called by a running turn.
    """

    def __init__(self) -> None:
        self._listeners: frozenset[Listener] = frozenset()
        self._lock = threading.Lock()

    def publish(self, event: BusEvent) -> None:
        """Tell all listeners."""
        for listener in self._listeners:
            listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Listen from now on. Returns the function that ends it."""
        with self._lock:
            self._listeners |= {listener}

        def unsubscribe() -> None:
            with self._lock:
                self._listeners -= {listener}

        return unsubscribe
