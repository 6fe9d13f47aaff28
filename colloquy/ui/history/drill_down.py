"""The list of chats behind a figure or a chart point of the analytics page. The URL identifies it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.agents import agent_name, model_name
from colloquy.ui.analytics.source import analytics
from colloquy.ui.components import visit
from colloquy.ui.formatting import label
from colloquy.ui.state import Part
from colloquy.ui.workspaces.tree import WorkspaceTree
from session_store.analytics import Period
from session_store.analytics.drill_down import DrillDown, Kind
from session_store.analytics.places import Place
from session_store.analytics.scope import Scope
from session_store.errors import ColloquyError
from session_store.history.filters import EVERYTHING, HistoryFilter
from session_store.phrases import day_text
from session_store.prices import price_list

EARLIEST: Final = date(1970, 1, 2)
LATEST: Final = date(2200, 1, 1)
LONGEST: Final = timedelta(days=40_000)


class LinkInvalidError(ColloquyError):
    """The URL of a list is invalid."""


_EARLIER: Final = {
    "saved_only": "saved",
    "models": "answered_by",
    "statuses": "turn_statuses",
    "workspaces": "workspace_ids",
}
"""Names of filters in links of earlier versions. The page has no filters with the meaning that these names have now."""


def _renamed(filters: object) -> object:
    if not isinstance(filters, dict):
        return filters
    return {_EARLIER.get(name, name): value for name, value in filters.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A drill-down on the analytics page: what was clicked, its title, the page's scope and the page's own URL."""

    kind: Kind
    values: tuple[bool | int | float | str, ...] = ()
    title: Annotated[str, Field(max_length=200)]
    first: Annotated[date, Field(ge=EARLIEST, le=LATEST)]
    last: Annotated[date, Field(ge=EARLIEST, le=LATEST)]
    zone: str
    filters: Annotated[HistoryFilter, BeforeValidator(_renamed)] = EVERYTHING
    page: str = ""

    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def drill_down(self) -> DrillDown:
        """What was clicked."""
        return DrillDown(self.kind, self.values)

    def scope(self) -> Scope:
        """Returns the scope that the analytics page had."""
        return Scope(
            self.filters, Period(self.first, self.last, ZoneInfo(self.zone)), price_list(current().settings.data_dir)
        )

    def as_text(self) -> str:
        """Returns the drill-down as text for the URL."""
        return _ADAPTER.dump_json(self, exclude_defaults=True).decode()


_ADAPTER: Final = TypeAdapter(Drill)


@lru_cache(maxsize=64)
def drill_of(text: str) -> Drill:
    """Parses the drill-down from a URL.

    Raises:
        LinkInvalidError: it cannot be parsed, or its values are invalid.
    """
    try:
        drill = _ADAPTER.validate_json(text)
        ZoneInfo(drill.zone)
    except (ValidationError, ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LinkInvalidError(
            "The address of this list cannot be read. Open it again from the analytics page, or show all chats."
        ) from error
    if not timedelta() <= drill.last - drill.first <= LONGEST:
        raise LinkInvalidError("The address of this list has an invalid period. Open it again from the analytics page.")
    return drill


def open_list(scope: Scope, picked: DrillDown, title: str) -> None:
    """Shows the conversations behind a figure or point instead of the analytics page."""
    period, given = scope.period, st.query_params
    drill = Drill(
        kind=picked.kind,
        values=picked.values,
        title=title[:200],
        first=period.first,
        last=period.last,
        zone=str(period.zone),
        filters=scope.filters,
        page=urlencode({name: given.get_all(name) for name in given}, doseq=True),
    )
    visit(f"./history?{urlencode({'behind': drill.as_text()})}")


def among(text: str) -> frozenset[int]:
    """Returns the conversations of the list in a URL, by their numbers in the store."""
    drill = drill_of(text)
    return frozenset(analytics().conversations(drill.scope(), drill.drill_down))


def places(text: str, numbers: Sequence[int]) -> Mapping[int, Place]:
    """Returns the place in each of these conversations that the list is about."""
    if not text:
        return {}
    drill = drill_of(text)
    return analytics().places(drill.scope(), drill.drill_down, numbers)


def heading(text: str) -> None:
    """Draws what the list is about, and a button back to the analytics page."""
    drill = drill_of(text)
    with st.container(horizontal=True, vertical_alignment="center", key="history-behind"):
        st.button(
            "Analytics",
            key="history-analytics",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=_back,
            args=(drill.page,),
        )
        st.markdown(f"**{label(drill.title)}** :gray[· {label(' · '.join(_words(drill)))}]", width="stretch")


def _words(drill: Drill) -> list[str]:
    filters = drill.filters
    days = day_text(drill.first) + (f" to {day_text(drill.last)}" if drill.last > drill.first else "")
    places = WorkspaceTree(current().store.workspaces.list()).full_names()
    return [
        days,
        *(["saved chats"] if filters.saved else []),
        *_names(filters.agents, agent_name),
        *_names(filters.answered_by, model_name),
        *_names(filters.users),
        *_names(filters.workspace_ids, lambda one: places.get(one, one)),
        *_names(filters.tags),
        *_names(filters.turn_statuses, lambda one: f"turn status: {one}"),
        *_names(filters.states),
    ]


def _names(values: frozenset[str] | None, name: Callable[[str], str] = str) -> list[str]:
    return sorted(map(name, values or ()))


def _back(page: str) -> None:
    parameters: dict[str, Any] = parse_qs(page)
    state.go_to(state.ANALYTICS, **parameters)
    state.touch(Part.PAGE)
