"""Answers queries about a store, and caches the answers until something changes that they depend on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import Final
from zoneinfo import ZoneInfo

import duckdb

from session_store.analytics.charts import term_messages
from session_store.analytics.drill_down import DrillDown, Kind, conversations
from session_store.analytics.period import QUARTER, Period
from session_store.analytics.places import Place, first_places
from session_store.analytics.report import Report, report
from session_store.analytics.rollups import Rollups, gather, revision_of
from session_store.analytics.scope import Scope, scoped_cursor
from session_store.errors import ColloquyError
from session_store.store import Store

REMEMBERED: Final = 32


class DrillDownInvalidError(ColloquyError):
    """A drill-down was requested with values that do not fit its kind."""

    def __init__(self) -> None:
        super().__init__("This link does not match its list. Open the list again from the analytics page.")


@contextlib.contextmanager
def _checked() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, IndexError) as error:
        raise DrillDownInvalidError from error


class Analytics:
    """Thread-safe. Reads the store with its own cursors, so that nothing waits for it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._rollups: Rollups | None = None
        self._report: Callable[[Scope], Report]

    def rollups(self) -> Rollups:
        """Return the current roll-ups."""
        with self._lock:
            return self._fresh()

    def report(self, scope: Scope) -> Report:
        """Return the report for a scope."""
        with self._lock:
            self._fresh()
            return self._report(scope)

    def conversations(self, scope: Scope, drill_down: DrillDown) -> list[int]:
        """Return the conversations behind a figure or a point of a chart, by their numbers in the store.

        Raises:
            DrillDownInvalidError: the values do not fit the kind.
        """
        with self._lock, _checked():
            rollups = self._fresh()
            return conversations(self._store, rollups, scope, self._as_messages(rollups, scope, drill_down))

    def places(self, scope: Scope, drill_down: DrillDown, numbers: Sequence[int]) -> dict[int, Place]:
        """Return where in these conversations a figure or point of a chart leads to, if it is about a message."""
        with self._lock, _checked():
            found = self._as_messages(self._fresh(), scope, drill_down)
        return first_places(self._store, scope.period, found, numbers)

    def _as_messages(self, rollups: Rollups, scope: Scope, drill_down: DrillDown) -> DrillDown:
        """Replace a word by the messages that contain it."""
        if drill_down.kind is not Kind.TERM:
            return drill_down
        with contextlib.closing(scoped_cursor(self._store, rollups, scope)) as cursor:
            seqs = term_messages(cursor, self._store, scope.period, str(drill_down.values[0]))
        return DrillDown(Kind.MESSAGES, tuple(seqs))

    def everything(self, zone: ZoneInfo, today: date) -> Period:
        """Return the period from the first day with activity to today, or to the last such day if that is later."""
        rollups = self.rollups()
        if rollups.first is None or rollups.last is None:
            return Period(today, today, zone)
        first, last = (
            datetime.fromtimestamp(quarter * QUARTER, UTC).astimezone(zone).date()
            for quarter in (rollups.first, rollups.last)
        )
        return Period(min(first, today), max(last, today), zone)

    def _fresh(self) -> Rollups:
        if self._rollups is None or self._rollups.revision != revision_of(self._store):
            self._rollups = gather(self._store, self._rollups)
            self._report = lru_cache(maxsize=REMEMBERED)(partial(report, self._store, self._rollups))
        return self._rollups
