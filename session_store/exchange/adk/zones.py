"""Finds the time zone of the machine that wrote a database.

Before version 1.22, ADK wrote event times in its machine's local time without naming the zone, but session creation and
update times in UTC. An event is written seconds after it happens, so the difference between the two is the zone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

_HOUR: Final = 3600.0
_OFFSETS: Final = [*range(-12, 15), -9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75, 13.75]
"""UTC offsets in hours of the world's time zones."""
_LATE: Final = 420.0
"""Seconds by which two clocks may differ and still show the same moment: models take a while, and so do people."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Span:
    """A session's creation and update times in Unix seconds, and the local times of its first and last events."""

    created: float | None
    updated: float | None
    first: datetime
    last: datetime

    def by_update(self) -> float | None:
        """The clock's offset from UTC according to the last event."""
        stale = self.created is not None and self.updated is not None and self.updated < self.created + 1
        took = _as_utc(self.last) - _as_utc(self.first)
        return None if stale and took > _LATE else self._possible(_offset(self.last, self.updated))

    def by_creation(self) -> float | None:
        """The clock's offset from UTC according to the first event."""
        return self._possible(_offset(self.first, self.created))

    def _possible(self, offset: float | None) -> float | None:
        if offset is None or self.created is None:
            return offset
        return offset if _as_utc(self.first) - offset >= self.created - _LATE else None


@dataclass(frozen=True, slots=True)
class Zone:
    """Converts local times to Unix seconds. Without an offset, it uses this machine's zone."""

    offset: float | None = None

    def seconds(self, clock: datetime) -> float:
        """Converts a local time to Unix seconds."""
        if clock.tzinfo is not None or self.offset is None:
            return clock.timestamp()
        return _as_utc(clock) - self.offset


def zones(spans: Mapping[K, Span], *, trusts_updates: bool) -> dict[K, Zone]:
    """Returns the zone of each session. A session that shows none gets that of most others, or this machine's.

    Args:
        spans: the times of the sessions.
        trusts_updates: whether update times are certain to be in UTC; otherwise they may be local times as well.
    """
    shown: dict[K, list[float]] = {}
    for key, span in spans.items():
        both = [span.by_update(), span.by_creation()]
        shown[key] = [offset for offset in (both if trusts_updates else both[::-1]) if offset is not None]
    sure = Counter(offsets[0] for offsets in shown.values() if len(offsets) == 2 and offsets[0] == offsets[1])
    usual = (sure or Counter(offsets[0] for offsets in shown.values() if offsets)).most_common(1)
    return {key: _zone(span, shown[key], usual[0][0] if usual else None) for key, span in spans.items()}


def _zone(span: Span, shown: list[float], usual: float | None) -> Zone:
    if usual is None:
        return Zone()
    offset = usual
    if len(set(shown)) == 1 and len(shown) == 2:
        offset = shown[0]
    elif near := [one for one in shown if abs(one - usual) <= _HOUR]:  # clocks change by an hour twice a year
        offset = near[0]
    # If it is this machine's own zone, that also knows when clocks change.
    here = Zone()
    return here if abs(here.seconds(span.last) - (_as_utc(span.last) - offset)) < 1 else Zone(offset)


def _offset(clock: datetime, at: float | None) -> float | None:
    """Returns the UTC offset of a clock that shows a time at roughly another one; None if no zone is that far from
    UTC."""
    if at is None or clock.tzinfo is not None:
        return None
    difference = _as_utc(clock) - at
    offset = min((hours * _HOUR for hours in _OFFSETS), key=lambda one: abs(difference - one))
    return offset if abs(difference - offset) <= _LATE else None


def _as_utc(clock: datetime) -> float:
    return clock.replace(tzinfo=UTC).timestamp()
