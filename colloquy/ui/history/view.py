"""What the list of conversations shows. It is all in the URL, so that a view can be bookmarked and shared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, cast
from zoneinfo import ZoneInfo

import streamlit as st

from colloquy.ui.history.drill_down import among
from session_store.history.filters import HistoryFilter, any_of, only
from session_store.history.models import HistorySort
from session_store.limits import LONGEST_SEARCH

Parameters = dict[str, str | list[str]]

MANY: Final = {"workspaces": "workspaces", "agents": "agent", "models": "model", "tags": "tag", "statuses": "status"}
"""Fields with several values, and their names in the URL."""
SAVED: Final = {"yes": True, "no": False}
LIST: Final = "list"
LONGEST_VALUE: Final = 200
MOST_VALUES: Final = 100
"""Maximum number of values of a filter in a URL."""
TEXTUAL: Final = frozenset(
    {
        HistorySort.TITLE,
        HistorySort.WORKSPACE,
        HistorySort.AGENT,
        HistorySort.MODEL,
        HistorySort.USER,
        HistorySort.STATUS,
    }
)
"""Columns sorted from A to Z at first; all others start with the newest or the highest."""


@dataclass(frozen=True, slots=True)
class View:
    """Filters and order. Empty fields filter nothing.

    ``drill_down`` identifies a list behind a figure or a chart point (see ``history.drill_down``). ``saved`` is "yes"
    or "no", ``feedback`` "up" or "down"; ``since`` and ``until`` are days, both included. With a ``text``, ``by_place``
    lists every match instead of the conversations.
    """

    text: str = ""
    by_place: bool = True
    workspaces: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    user: str = ""
    saved: str = ""
    feedback: str = ""
    since: date | None = None
    until: date | None = None
    drill_down: str = ""
    sort: HistorySort = HistorySort.UPDATED
    descending: bool = True

    @property
    def filters(self) -> bool:
        """Whether any filter is set."""
        return bool(self.url(order=False))

    def url(self, *, order: bool = True) -> Parameters:
        """Returns the URL parameters of the view; those for the order and the kind of list only with ``order``."""
        several = {name: list(getattr(self, field)) for field, name in MANY.items()}
        wanted: Parameters = {
            "text": self.text,
            "user": self.user,
            "saved": self.saved,
            "feedback": self.feedback,
            "behind": self.drill_down,
            **several,
        }
        wanted["from"] = self.since.isoformat() if self.since else ""
        wanted["to"] = self.until.isoformat() if self.until else ""
        if order:
            usual = (self.sort, self.descending) == (HistorySort.UPDATED, True)
            wanted["sort"] = "" if usual else f"{'-' if self.descending else ''}{self.sort.value}"
            wanted["view"] = "" if self.by_place else LIST
        return {name: value for name, value in wanted.items() if value}

    def filter(self, zone: ZoneInfo) -> HistoryFilter:
        """Returns the filter for the store. The days are those of the time zone."""
        return HistoryFilter(
            users=only(self.user or None),
            text=self.text,
            workspace_ids=any_of(self.workspaces),
            agents=any_of(self.agents),
            models=any_of(self.models),
            tags=any_of(self.tags),
            statuses=any_of(self.statuses),
            saved=SAVED.get(self.saved),
            since=_begin(self.since, zone) if self.since else None,
            until=_begin(self.until + timedelta(days=1), zone) if self.until else None,
            feedback=cast("Literal['up', 'down']", self.feedback) if self.feedback else None,
            among=among(self.drill_down) if self.drill_down else None,
        )


def view_of_url() -> View:
    """Returns the view in the URL. Invalid values are ignored."""
    given = st.query_params
    sort, descending = _order(given.get("sort", ""))
    saved, feedback = given.get("saved", ""), given.get("feedback", "")
    return View(
        text=given.get("text", "").strip()[:LONGEST_SEARCH],
        by_place=given.get("view") != LIST,
        user=given.get("user", "")[:LONGEST_VALUE],
        saved=saved if saved in SAVED else "",
        feedback=feedback if feedback in ("up", "down") else "",
        since=_day(given.get("from", "")),
        until=_day(given.get("to", "")),
        drill_down=given.get("behind", ""),
        sort=sort,
        descending=descending,
        workspaces=_several("workspaces"),
        agents=_several("agent"),
        models=_several("model"),
        tags=_several("tag"),
        statuses=_several("status"),
    )


def _several(name: str) -> tuple[str, ...]:
    given = [value for value in st.query_params.get_all(name) if len(value) <= LONGEST_VALUE]
    return tuple(dict.fromkeys(given))[:MOST_VALUES]


def _order(given: str) -> tuple[HistorySort, bool]:
    name = given.removeprefix("-")
    if name not in {sort.value for sort in HistorySort}:
        return HistorySort.UPDATED, True
    return HistorySort(name), given.startswith("-")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _begin(day: date, zone: ZoneInfo) -> float:
    return datetime.combine(day, time(), zone).timestamp()
