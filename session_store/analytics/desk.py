"""Answers questions about a store, and remembers the answers for as long as the store does not change."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import duckdb

from session_store.analytics.charts import term_messages
from session_store.analytics.drill_down import Behind, Kind, conversations
from session_store.analytics.period import Period
from session_store.analytics.places import Place, first_places
from session_store.analytics.report import Report, report
from session_store.analytics.rollups import Facts, gather, revision_of
from session_store.analytics.scope import Scope, lay_out
from session_store.analytics.zones import QUARTER
from session_store.errors import ColloquyError
from session_store.store import Store

REMEMBERED: Final = 32


class BehindInvalidError(ColloquyError):
    """What stands behind a point was asked with values that are not those of its kind."""


@contextlib.contextmanager
def _checked(behind: Behind) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, IndexError) as error:
        raise BehindInvalidError(
            f"These are no values of the kind “{behind.kind}”. Open the list again from the analytics page."
        ) from error


class Analytics:
    """Thread-safe. Reads the store on cursors of its own, so that nothing waits for it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._facts: Facts | None = None
        self._reports: OrderedDict[Scope, Report] = OrderedDict()

    def facts(self) -> Facts:
        """The facts as of now."""
        with self._lock:
            return self._fresh()

    def report(self, scope: Scope) -> Report:
        """Everything about conversations and a time."""
        with self._lock:
            facts = self._fresh()
            if scope not in self._reports:
                self._reports[scope] = report(self._store, facts, scope)
            self._reports.move_to_end(scope)
            while len(self._reports) > REMEMBERED:
                self._reports.popitem(last=False)
            return self._reports[scope]

    def conversations(self, scope: Scope, behind: Behind) -> list[int]:
        """The conversations behind a figure or a point of a chart, by their numbers in the store.

        Raises:
            BehindInvalidError: the values are not those of the kind.
        """
        with self._lock, _checked(behind):
            facts = self._fresh()
            return conversations(facts, scope, self._as_messages(facts, scope, behind))

    def places(self, scope: Scope, behind: Behind, numbers: Sequence[int]) -> dict[int, Place]:
        """Where in these conversations a figure or a point of a chart leads to, where it is about a message."""
        with self._lock, _checked(behind):
            found = self._as_messages(self._fresh(), scope, behind)
        return first_places(self._store, scope.period, found, numbers)

    def _as_messages(self, facts: Facts, scope: Scope, behind: Behind) -> Behind:
        """A word as the messages that have it."""
        if behind.kind is not Kind.TERM:
            return behind
        with contextlib.closing(lay_out(facts, scope)) as cursor:
            seqs = term_messages(cursor, self._store, scope.period, str(behind.values[0]))
        return Behind(Kind.MESSAGES, tuple(seqs))

    def everything(self, zone: ZoneInfo, today: date) -> Period:
        """From the first day on which anything happened until today, or until the last such day if that is later."""
        facts = self.facts()
        if facts.first is None or facts.last is None:
            return Period(today, today, zone)
        first, last = (
            datetime.fromtimestamp(quarter * QUARTER, UTC).astimezone(zone).date()
            for quarter in (facts.first, facts.last)
        )
        return Period(min(first, today), max(last, today), zone)

    def _fresh(self) -> Facts:
        if self._facts is None or self._facts.revision != revision_of(self._store):
            self._facts = gather(self._store, self._facts)
            self._reports.clear()
        return self._facts
