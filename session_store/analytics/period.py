"""The period that figures are about: whole days in the user's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from session_store.analytics.zones import midnight

LONGEST_BY_DAY = 62
LONGEST_BY_WEEK = 400


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
