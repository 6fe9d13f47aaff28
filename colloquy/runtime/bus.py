"""Tells whoever listens what happens in sessions, as it happens, and keeps the latest of it for who comes late."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from session_store.models import SessionKey, TurnStatus

MOST_EVENTS = 20_000
MOST_BYTES = 16 * 2**20
"""What is kept of the latest events: at most so many, with at most so much text."""


class EventKind(StrEnum):
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
    """Something that happened. The fields after ``turn_id`` are those of chunks, but for ``status``, which says how a
    turn that changed stands."""

    kind: EventKind
    key: SessionKey
    turn_id: str | None = None
    text: str = ""
    """What was added."""
    event_id: str | None = None
    """The ADK event that it will be part of."""
    author: str | None = None
    is_thought: bool = False
    """Whether the text is what the author thinks, and no words of the answer."""
    status: TurnStatus | None = None
    is_done: bool = False
    """Of the last chunk of a turn, which adds nothing: the turn is over."""


@dataclass(frozen=True, slots=True)
class Published:
    """A bus event with its number and the Unix time at which it happened. ``bytes_before`` is the size of all earlier
    texts."""

    number: int
    at: float
    event: BusEvent
    bytes_before: int


Listener = Callable[[BusEvent], None]


class EventBus:
    """Hands every event to every listener, on the thread that publishes it.

    A listener must not block or raise: it is called by a running turn. Listeners hear what several threads publish in
    any order; who needs the order reads it with ``since``: each event has a number, greater by one than the one before.
    """

    def __init__(self, *, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        """At most ``most_events`` of the latest events are kept, with texts of ``most_bytes`` in all."""
        self.epoch = uuid.uuid4().hex[:12]
        """Numbers of one epoch say nothing about those of another one: of the app before it was started again."""
        self._listeners: frozenset[Listener] = frozenset()
        self._lock = threading.Lock()
        self._kept: deque[Published] = deque()
        self._last = 0
        self._bytes = 0
        self._most_events, self._most_bytes = most_events, most_bytes

    @property
    def last(self) -> int:
        """The number of the latest event; 0 before the first."""
        return self._last

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is kept; that of the next one if none is."""
        with self._lock:
            return self._last - len(self._kept) + 1

    def publish(self, event: BusEvent) -> None:
        """Keep the event and tell all listeners."""
        with self._lock:
            self._last += 1
            self._kept.append(Published(self._last, time.time(), event, self._bytes))
            self._bytes += sys.getsizeof(event.text)
            while self._kept and self._lag(self._kept[0].number - 1) > 1:
                self._kept.popleft()
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

    def since(self, number: int) -> list[Published] | None:
        """The events after ``number`` in their order; None if they are not all kept any more, or it is a number that
        no event has yet."""
        with self._lock:
            missing = self._last - number
            if not 0 <= missing <= len(self._kept):
                return None
            newest = list(islice(reversed(self._kept), missing))
        newest.reverse()
        return newest

    def lag(self, number: int) -> float:
        """How much of what is kept came after ``number``: 0 for nothing, 1 just before it is lost, infinite after."""
        with self._lock:
            return self._lag(number)

    def _lag(self, number: int) -> float:
        missing = self._last - number
        if missing <= 0:
            return 0
        if missing > len(self._kept):
            return float("inf")
        size = self._bytes - self._kept[-missing].bytes_before
        return max(missing / self._most_events, size / self._most_bytes)
