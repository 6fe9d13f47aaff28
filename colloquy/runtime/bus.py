"""Announces what happens in sessions as it happens, and keeps the latest events for listeners that come late."""

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
from typing import Any

from session_store.models import SessionKey, TurnStatus

MOST_EVENTS = 20_000
MOST_BYTES = 16 * 2**20
"""Limits for the latest events that are kept: their number, and the bytes of their texts."""


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
    QUERIES_CHANGED = "queries-changed"
    PRICES_CHANGED = "prices-changed"
    SNAPSHOTS_CHANGED = "snapshots-changed"


NO_SESSION = SessionKey("", "", "")
"""The key of events outside sessions."""


@dataclass(frozen=True, slots=True)
class BusEvent:
    """Something that happened. The fields after ``turn_id`` are for chunks, except ``status``, which is the new status
    of a turn that changed."""

    kind: EventKind
    key: SessionKey
    turn_id: str | None = None
    text: str = ""
    """What was added."""
    event_id: str | None = None
    """The ADK event that it will be part of."""
    author: str | None = None
    is_thought: bool = False
    """Whether the text is a thought of the author rather than part of the answer."""
    status: TurnStatus | None = None
    is_done: bool = False
    """True for the last chunk of a turn, which adds nothing: the turn is over."""


@dataclass(frozen=True, slots=True)
class Published:
    """A bus event with its number and the Unix time at which it happened. ``bytes_before`` is the size of all earlier
    texts."""

    number: int
    at: float
    event: BusEvent
    bytes_before: int


Listener = Callable[[BusEvent], None]

_BYTES_BEFORE = 2


class EventBus:
    """Delivers every event to every listener, on the thread that publishes it.

    A listener must not block or raise: a running turn calls it. Events that several threads publish reach listeners in
    any order; a listener that needs the order reads it with ``since``: each event's number is one greater than the one
    before.
    """

    def __init__(self, *, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        """Keep at most ``most_events`` of the latest events, with texts of at most ``most_bytes`` in all."""
        self.epoch = uuid.uuid4().hex[:12]
        """Numbers of one epoch mean nothing in another: each start of the app begins a new epoch."""
        self._listeners: frozenset[Listener] = frozenset()
        self._lock = threading.Lock()
        # Tuples of strings and numbers: unlike objects, they cost nothing in a garbage collection, which stops
        # everything while it looks at each object.
        self._kept: deque[tuple[Any, ...]] = deque()
        self._last = 0
        self._bytes = 0
        self._most_events, self._most_bytes = most_events, most_bytes

    @property
    def last(self) -> int:
        """The number of the latest event; 0 before the first."""
        return self._last

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is kept; that of the next event if none is."""
        with self._lock:
            return self._last - len(self._kept) + 1

    def publish(self, event: BusEvent) -> None:
        """Keep the event and tell all listeners."""
        with self._lock:
            self._last += 1
            self._kept.append(_flat(Published(self._last, time.time(), event, self._bytes)))
            self._bytes += sys.getsizeof(event.text)
            while self._kept and self._lag(self._last - len(self._kept)) > 1:
                self._kept.popleft()
        for listener in self._listeners:
            listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Start listening. Returns a function that stops it."""
        with self._lock:
            self._listeners |= {listener}

        def unsubscribe() -> None:
            with self._lock:
                self._listeners -= {listener}

        return unsubscribe

    def since(self, number: int) -> list[Published] | None:
        """Return the events after ``number`` in order; None if some are no longer kept, or no event has that number."""
        with self._lock:
            missing = self._last - number
            if not 0 <= missing <= len(self._kept):
                return None
            newest = list(islice(reversed(self._kept), missing))
        return [_published(kept) for kept in reversed(newest)]

    def lag(self, number: int) -> float:
        """Return the share of the kept events after ``number``: 0 if none, 1 just before it is lost, then infinite."""
        with self._lock:
            return self._lag(number)

    def _lag(self, number: int) -> float:
        missing = self._last - number
        if missing <= 0:
            return 0
        if missing > len(self._kept):
            return float("inf")
        size = self._bytes - int(self._kept[-missing][_BYTES_BEFORE])
        return max(missing / self._most_events, size / self._most_bytes)


def _flat(published: Published) -> tuple[Any, ...]:
    event = published.event
    return (
        *(published.number, published.at, published.bytes_before),
        *(event.kind.value, event.key.app_name, event.key.user_id, event.key.session_id),
        *(event.turn_id, event.text, event.event_id, event.author, event.is_thought),
        *(event.status and event.status.value, event.is_done),
    )


def _published(flat: tuple[Any, ...]) -> Published:
    number, at, bytes_before, kind, *key, turn_id, text, event_id, author, is_thought, status, is_done = flat
    event = BusEvent(
        kind=EventKind(kind),
        key=SessionKey(*key),
        turn_id=turn_id,
        text=text,
        event_id=event_id,
        author=author,
        is_thought=is_thought,
        status=TurnStatus(status) if status else None,
        is_done=is_done,
    )
    return Published(number, at, event, bytes_before)
