"""The period that figures are about: whole days in the user's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

LONGEST_BY_DAY = 62
LONGEST_BY_WEEK = 400

QUARTER: Final = 900
"""Seconds in a quarter of an hour."""
DAY: Final = 96
"""Quarters of an hour in a day. In local time, every day has this many: what a clock change skips stays empty."""
_EPOCH: Final = date(1970, 1, 1)


def quarter_of(moment: datetime) -> int:
    """Return the quarter of an hour since 1970 (UTC) that contains a moment."""
    return int(moment.timestamp() // QUARTER)


def midnight(day: date, zone: ZoneInfo) -> int:
    """Return the quarter of an hour (UTC) with which a local day starts."""
    return quarter_of(datetime(day.year, day.month, day.day, tzinfo=zone))


def day_number(day: date) -> int:
    """Return the number of days since 1970."""
    return (day - _EPOCH).days


def day_at(number: int) -> date:
    """Return the day with this number."""
    return _EPOCH + timedelta(days=number)


def local(column: str, zone: ZoneInfo, first: int, last: int) -> str:
    """Return SQL for the local quarter of an hour of a column with quarters (UTC) between ``first`` and ``last``."""
    changes = _changes(zone, first, last)
    offset = str(changes[0][1])
    for start, later in changes[1:]:
        offset = f"case when {column} >= {start} then {later} else {offset} end"
    return f"({column} + {offset})"


@lru_cache(maxsize=64)
def _changes(zone: ZoneInfo, first: int, last: int) -> list[tuple[int, int]]:
    """Return from which quarter of an hour each offset applies; the first applies from ``first``."""
    changes = [(first, _offset(first, zone))]
    for noon in range(first, last + DAY, DAY):
        end = min(noon + DAY, last + 1)
        if _offset(end, zone) != changes[-1][1]:
            low, high = noon, end
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, zone) == changes[-1][1] else (low, middle)
            changes.append((high, _offset(high, zone)))
    return changes


def _offset(quarter: int, zone: ZoneInfo) -> int:
    moment = datetime.fromtimestamp(quarter * QUARTER, UTC).astimezone(zone)
    return int((moment.utcoffset() or timedelta()).total_seconds()) // QUARTER


class Step(StrEnum):
    """The step between the points of a chart over time."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``first`` to ``last``, both included, in ``zone``."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    @property
    def begin(self) -> int:
        """Its first quarter of an hour (UTC, since 1970)."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> int:
        """The first quarter of an hour after it."""
        return midnight(self.last + timedelta(days=1), self.zone)

    @property
    def step(self) -> Step:
        """The step of a chart over this period."""
        if self.days <= LONGEST_BY_DAY:
            return Step.DAY
        return Step.WEEK if self.days <= LONGEST_BY_WEEK else Step.MONTH

    def before(self) -> Period:
        """Return the same number of days directly before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1), self.zone)
