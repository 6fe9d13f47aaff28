"""Answers questions about a store, and remembers the answers for as long as the store does not change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from session_store.analytics.behind import Behind, Conversation, conversations
from session_store.analytics.facts import Facts, gather, revision_of
from session_store.analytics.period import Period
from session_store.analytics.places import first_events, messages_of
from session_store.analytics.report import Report, report
from session_store.analytics.scope import Scope
from session_store.analytics.zones import QUARTER
from session_store.store import Store

REMEMBERED: Final = 32


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

    def conversations(self, scope: Scope, behind: Behind, limit: int) -> tuple[list[Conversation], int]:
        """The newest conversations behind a figure or a point of a chart, and how many there are."""
        found, number = conversations(self.facts(), scope, behind, limit)
        numbers = [one.number for one in found]
        events = first_events(self._store, scope.period, behind, numbers)
        messages = messages_of(self._store, numbers)
        return [
            replace(one, event_id=events.get(one.number), messages=messages.get(one.number, 0)) for one in found
        ], number

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
