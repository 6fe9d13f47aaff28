"""The time that figures are about: whole days in the person's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from session_store.analytics.zones import midnight

LONGEST_BY_DAY = 62
LONGEST_BY_WEEK = 400


class Step(StrEnum):
    """What a chart over time has a point for."""

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
        """How many they are."""
        return (self.last - self.first).days + 1

    @property
    def begin(self) -> int:
        """The first quarter of an hour (UTC, since 1970) in it."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> int:
        """The first quarter of an hour after it."""
        return midnight(self.last + timedelta(days=1), self.zone)

    @property
    def step(self) -> Step:
        """How fine a chart over it should be."""
        if self.days <= LONGEST_BY_DAY:
            return Step.DAY
        return Step.WEEK if self.days <= LONGEST_BY_WEEK else Step.MONTH

    def before(self) -> Period:
        """As many days directly before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1), self.zone)
