"""In-memory order of each user's sessions, in total and by workspace, and the summaries that were requested.

A DuckDB query costs milliseconds however little it asks for, and nothing is drawn more often than the list of sessions.
So this index keeps the order, current at every commit, and a summary is read again only after its session changed. Call
all methods with the memory's lock held.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from session_store.models import SessionKey, SessionSummary

IndexEntry = tuple[float, str, str, str, int]
"""Time of the last update, application, user, id, and the session's number."""

MOST_CHANGES = 10_000
"""How many sessions' last changes are remembered."""


class SessionIndex:
    """All sessions that were not deleted."""

    def __init__(self) -> None:
        self.fill([])

    def fill(self, places: Iterable[tuple[IndexEntry, str]]) -> None:
        """Replace the contents with these sessions, each with its workspace."""
        placed = sorted(places)
        self._places = {place[4]: place for place, _ in placed}
        self._workspaces = {place[4]: workspace for place, workspace in placed}
        self._orders: dict[tuple[str, str | None], list[IndexEntry]] = defaultdict(list)
        self._by_id: dict[str, set[int]] = defaultdict(set)
        self._summaries: dict[int, SessionSummary] = {}
        self._changes: dict[int, int] = {}
        """When sessions last changed, by the clock; the others last changed at ``_forgotten`` at the latest."""
        self._forgotten = 0
        self.clock = 0
        for place, workspace in placed:
            for order in self._orders_of(place, workspace):
                order.append(place)
            self._by_id[place[3]].add(place[4])

    def put(self, key: SessionKey, number: int, updated_at: float, workspace: str) -> None:
        """Add a session, or move it to the position of its update time and workspace."""
        self._take_out(number)
        place = (updated_at, key.app_name, key.user_id, key.session_id, number)
        self._places[number] = place
        self._workspaces[number] = workspace
        self._by_id[key.session_id].add(number)
        for order in self._orders_of(place, workspace):
            insort(order, place)

    def remove(self, number: int) -> None:
        """Remove a session, if present."""
        place = self._take_out(number)
        if place is not None:
            self._by_id[place[3]].discard(number)
            if not self._by_id[place[3]]:
                del self._by_id[place[3]]
        self.changed(number)

    def changed(self, number: int) -> None:
        """Drop the summary of a session."""
        self.clock += 1
        if len(self._changes) >= MOST_CHANGES:
            self._changes.clear()
            self._forgotten = self.clock
        self._changes[number] = self.clock
        self._summaries.pop(number, None)

    def keep(self, summaries: Mapping[int, SessionSummary], clock: int) -> None:
        """Store summaries that were read when ``self.clock`` was ``clock``, unless their sessions have changed
        since."""
        for number, summary in summaries.items():
            if number in self._places and self._changes.get(number, self._forgotten) <= clock:
                self._summaries[number] = summary

    def newest(
        self,
        user_id: str,
        *,
        app_name: str | None,
        workspace: str | None,
        before: tuple[float, str, str, str] | None,
        limit: int,
        among: Collection[SessionKey] | None = None,
    ) -> list[IndexEntry]:
        """Return the first places of a user's list, or those after ``before``; of one workspace, or of all; only
        ``among``."""
        order = self._orders.get((user_id, workspace), [])
        end = len(order) if before is None else bisect_left(order, before)
        found: list[IndexEntry] = []
        for place in _backwards(order, end):
            if len(found) == limit:
                break
            fits = among is None or SessionKey(place[1], place[2], place[3]) in among
            if fits and (app_name is None or place[1] == app_name):
                found.append(place)
        return found

    def of_application(self, app_name: str, user_id: str | None) -> list[IndexEntry]:
        """Return an application's sessions, least recently updated first; of one user, or of all."""
        if user_id is not None:
            return [place for place in self._orders.get((user_id, None), []) if place[1] == app_name]
        return sorted(place for place in self._places.values() if place[1] == app_name)

    def counts(self) -> dict[str, int]:
        """Count the sessions of each workspace. Workspaces without sessions are left out."""
        counts: dict[str, int] = defaultdict(int)
        for (_, workspace), order in self._orders.items():
            if workspace is not None and order:
                counts[workspace] += len(order)
        return dict(counts)

    def named(self, session_id: str) -> list[IndexEntry]:
        """Return the session with this id; if there are several, the most recently updated one."""
        places = [self._places[number] for number in self._by_id.get(session_id, ())]
        return [max(places)] if places else []

    def at(self, key: SessionKey) -> list[IndexEntry]:
        """Return the session with this key."""
        places = [self._places[number] for number in self._by_id.get(key.session_id, ())]
        return [place for place in places if place[1:3] == (key.app_name, key.user_id)]

    def numbered(self, numbers: Iterable[int]) -> list[IndexEntry]:
        """Return the sessions with these numbers, in the given order."""
        return [self._places[number] for number in numbers if number in self._places]

    def summaries(self, places: Iterable[IndexEntry]) -> dict[int, SessionSummary]:
        """Return the cached summaries, by session number."""
        return {place[4]: self._summaries[place[4]] for place in places if place[4] in self._summaries}

    def _take_out(self, number: int) -> IndexEntry | None:
        place = self._places.pop(number, None)
        if place is not None:
            for order in self._orders_of(place, self._workspaces.pop(number)):
                del order[bisect_left(order, place)]
        return place

    def _orders_of(self, place: IndexEntry, workspace: str) -> tuple[list[IndexEntry], list[IndexEntry]]:
        return self._orders[place[2], None], self._orders[place[2], workspace]


def dated(summary: SessionSummary, place: IndexEntry) -> SessionSummary:
    """Return the summary with the update time that the list is sorted by."""
    return summary if summary.updated_at == place[0] else replace(summary, updated_at=place[0])


def _backwards(order: list[IndexEntry], end: int) -> Iterator[IndexEntry]:
    return (order[index] for index in range(end - 1, -1, -1))
