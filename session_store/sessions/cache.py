"""In-memory cache of the sessions in use. Always current, because this process is the only writer."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from google.adk.events.event import Event

from session_store.models import SessionKey, StoredEvent, Workspace
from session_store.sessions.event_copies import copier_of
from session_store.sessions.index import SessionIndex

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

State = Mapping[str, Any]
UserScope = tuple[str, str]
SESSIONS = 2_000
_PLAIN = frozenset((str, int, float, bool, type(None)))
EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Head:
    """The current version of a session, without its events."""

    key: SessionKey
    session_no: int
    created_at: float
    updated_at: float
    revision: int
    """``seq`` of the last event, or ``session_no`` before the first: unique for each version of a session."""
    last_event_id: str | None
    state: State = field(hash=False)
    workspace_id: str
    deleted: bool = False
    terminated: bool = False


class CachedEvent:
    """A stored event. The first read parses it; once it is read again, later reads get copies, because analyzing and
    copying an event that is read only once would cost more than parsing it."""

    __slots__ = ("_parsed", "_wanted", "data", "rewound", "seq")

    def __init__(self, seq: int, data: str, *, rewound: bool) -> None:
        self.seq = seq
        self.data = data
        self.rewound = rewound
        self._wanted = False
        self._parsed: tuple[Event, Callable[[Event], Event]] | None = None

    def event(self) -> Event:
        """Return an event that the caller may change."""
        if self._parsed is None:
            event = Event.model_validate_json(self.data)
            if not self._wanted:
                self._wanted = True
                return event
            self._parsed = event, copier_of(event)
        event, copy = self._parsed
        return copy(event)

    def stored(self) -> StoredEvent:
        """Return an event that the caller may change, with its position in the store."""
        return StoredEvent(self.seq, self.event())


class Recent(Generic[K, V]):
    """The most recently used values, by key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def get(self, key: K) -> V | None:
        """Return the value, or None."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Store a value."""
        self._values[key] = value
        self._values.move_to_end(key)

    def clear(self) -> None:
        """Drop everything."""
        self._values.clear()

    def shrink(self) -> None:
        """Drop the least recently used values, down to the limit."""
        while len(self._values) > self._limit:
            self._values.popitem(last=False)


class EventLists:
    """All events of the most recently used sessions, at most ``EVENTS`` in total, but at least one session."""

    def __init__(self) -> None:
        self._lists: OrderedDict[int, list[CachedEvent]] = OrderedDict()
        self._count = 0

    def get(self, session_no: int) -> list[CachedEvent] | None:
        """Return all events of the session in append order, or None if they are not all cached."""
        events = self._lists.get(session_no)
        if events is not None:
            self._lists.move_to_end(session_no)
        return events

    def put(self, session_no: int, events: list[CachedEvent]) -> None:
        """Store all events of a session."""
        self.drop(session_no)
        self._lists[session_no] = events
        self._count += len(events)
        while self._count > EVENTS and len(self._lists) > 1:
            _, oldest = self._lists.popitem(last=False)
            self._count -= len(oldest)

    def extend(self, session_no: int, event: CachedEvent) -> None:
        """Add an event to a session that is cached."""
        events = self._lists.get(session_no)
        if events is not None:
            events.append(event)
            self._count += 1

    def drop(self, session_no: int) -> None:
        """Drop the events of a session."""
        events = self._lists.pop(session_no, None)
        if events is not None:
            self._count -= len(events)

    def clear(self) -> None:
        """Drop everything."""
        self._lists.clear()
        self._count = 0


class Memory:
    """Committed values, shared by the writer (which publishes) and by readers (which fill in what is missing).

    Every access holds ``lock``, which is held only as long as it takes to copy references. Values are evicted only
    while no reader is loading: otherwise a slow reader could bring an old one back.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.heads: Recent[SessionKey, Head | None] = Recent(SESSIONS)
        self.app_states: Recent[str, State] = Recent(SESSIONS)
        self.user_states: Recent[UserScope, State] = Recent(SESSIONS)
        self.session_states: Recent[int, State] = Recent(SESSIONS)
        """The sessions' own states by number, including sessions that only a list asked for."""
        self.events = EventLists()
        self.index = SessionIndex()
        self.workspaces: Mapping[str, Workspace] = {}
        """All workspaces, by id. Replaced as a whole, never changed."""
        self.unsaved_times: dict[int, float] = {}
        """``updated_at`` by session number, where the table still has an older value."""
        self.loading = 0
        self.generation = 0
        self.figures_revision = 0
        """Grows with each commit that figures may depend on: one computed at the same revision is still valid."""

    def shrink(self) -> None:
        """Evict the least recently used values. Call with the lock held."""
        if self.loading == 0:
            self.heads.shrink()
            self.app_states.shrink()
            self.user_states.shrink()
            self.session_states.shrink()

    def clear(self) -> None:
        """Drop everything that can be read again, because the file was reopened."""
        with self.lock:
            self.generation += 1
            self.heads.clear()
            self.app_states.clear()
            self.user_states.clear()
            self.session_states.clear()
            self.events.clear()
            self.unsaved_times.clear()


def own_state(state: State) -> dict[str, Any]:
    """Return the state as a dict that the caller may change."""
    if all(type(value) in _PLAIN for value in state.values()):
        return dict(state)
    return copy.deepcopy(dict(state))
