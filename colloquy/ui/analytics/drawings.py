"""How cards draw their tables and what was clicked in them; the Vega-Lite drawings. These do not depend on the data,
so that a change of filters moves the existing bars instead of rebuilding the charts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

import altair as alt
import pandas as pd
import streamlit as st

from colloquy.ui.results.data import with_rows
from session_store.analytics.period import Step

PICK: Final = "pick"
HEIGHT: Final = 240
DATE_FORMATS: Final = {Step.DAY: "%d %b", Step.WEEK: "%d %b", Step.MONTH: "%b %Y"}

Drawing = dict[str, Any]

Point = dict[str, Any]
"""The values of the table's columns that identify a clicked point."""


def _picks(*fields: str) -> alt.Parameter:
    # Each click changes the selection by exactly what was clicked, including a second click on the same bar.
    return alt.selection_point(name=PICK, fields=list(fields), toggle="true", clear=False)


def _finished(chart: alt.Chart, height: int = HEIGHT) -> Drawing:
    drawing: Drawing = json.loads(chart.properties(height=height).configure_view(stroke=None).to_json(validate=False))
    drawing.pop("data", None)
    drawing.pop("datasets", None)
    return drawing


def _base() -> alt.Chart:
    return alt.Chart(pd.DataFrame())


def _when(step: Step) -> alt.X:
    shown = f"timeFormat(toDate(datum.value + 'T00:00'), '{DATE_FORMATS[step]}')"
    return alt.X(
        "Start:O",
        axis=alt.Axis(title=None, labelExpr=shown, labelAngle=0, labelOverlap="greedy", labelBound=True, ticks=False),
    )


# For rounded bars that may be stacked, Vega-Lite makes a clipped group each. In these charts none is stacked.
NOT_STACKED: Final = None


@cache
def over_time(measure: str, step: Step, number: str = ",") -> Drawing:
    """Draws a bar for each step. ``number`` is the format of its measure."""
    bars = _base().mark_bar(cornerRadiusEnd=3, cursor="pointer")
    bars = bars.encode(
        x=_when(step),
        y=alt.Y(
            f"{measure}:Q",
            title=None,
            stack=NOT_STACKED,
            axis=alt.Axis(tickMinStep=1, format="~s") if number == "," else alt.Axis(format=number),
        ),
        tooltip=["Start:O", alt.Tooltip(f"{measure}:Q", format=number)],
    )
    return _finished(bars.add_params(_picks("Start")))


@cache
def spending(measure: str, step: Step) -> Drawing:
    """Draws a bar for each step: the cost, or the tokens in and out stacked."""
    if measure == "Cost":
        return over_time(measure, step, "$,.2f")
    names: list[str | alt.FieldName] = ["Tokens in", "Tokens out"]
    bars = _base().transform_fold(names, as_=["What", "Tokens"]).mark_bar(cursor="pointer")
    bars = bars.encode(
        x=_when(step),
        y=alt.Y("Tokens:Q", title=None, axis=alt.Axis(tickMinStep=1, format="~s")),
        color=alt.Color("What:N", sort=None, scale=alt.Scale(domain=names), legend=_legend()),
        order=alt.Order("What:N", sort="ascending"),
        tooltip=["Start:O", "What:N", alt.Tooltip("Tokens:Q", format=",")],
    )
    return _finished(bars.add_params(_picks("Start")))


@cache
def heat() -> Drawing:
    """Draws a square for each hour of the week."""
    cells = _base().mark_rect(cursor="pointer", cornerRadius=2)
    cells = cells.encode(
        x=alt.X("Hour:O", title=None, axis=alt.Axis(values=[*range(0, 24, 3)], labelAngle=0, ticks=False)),
        y=alt.Y("Weekday:O", title=None, sort=None, axis=alt.Axis(ticks=False)),
        color=alt.Color("Questions:Q", legend=None),
        tooltip=["Weekday:O", "Hour:O", alt.Tooltip("Questions:Q", format=",")],
    )
    return _finished(cells.add_params(_picks("Weekday", "Hour")))


@cache
def latency(step: Step) -> Drawing:
    """Draws two lines of medians and two of percentiles, in seconds, with gaps where nothing was measured."""
    names: list[str | alt.FieldName] = [
        "First word",
        "First word, p95",
        "Turn",
        "Turn, p95",
    ]
    lines = _base().transform_fold(names, as_=["Time", "Seconds"])
    lines = lines.mark_line(point={"size": 40, "cursor": "pointer"})
    lines = lines.encode(
        x=_when(step),
        y=alt.Y("Seconds:Q", title="Seconds"),
        color=alt.Color("Time:N", sort=None, scale=alt.Scale(domain=names), legend=_legend()),
        tooltip=["Start:O", "Time:N", alt.Tooltip("Seconds:Q", format=".2f")],
    )
    return _finished(lines.add_params(_picks("Start")), HEIGHT + 50)


@cache
def feedback(step: Step) -> Drawing:
    """Draws positive scores above the line and negative ones below it."""
    names: list[str | alt.FieldName] = ["Positive", "Negative"]
    bars = _base().transform_fold(names, as_=["What", "Scores"])
    bars = bars.transform_calculate(_height="datum.What == 'Negative' ? -datum.Scores : datum.Scores")
    bars = bars.mark_bar(cornerRadiusEnd=3, cursor="pointer").encode(
        x=_when(step),
        y=alt.Y(
            "_height:Q",
            title=None,
            stack=NOT_STACKED,
            axis=alt.Axis(tickMinStep=1, labelExpr="format(abs(datum.value), '~s')"),
        ),
        color=alt.Color(
            "What:N", sort=None, scale=alt.Scale(domain=names, range=["#16a34a", "#dc2626"]), legend=_legend()
        ),
        tooltip=["Start:O", "What:N", alt.Tooltip("Scores:Q", format=","), alt.Tooltip("Share:Q", format=".0%")],
    )
    return _finished(bars.add_params(_picks("Start", "What")))


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="bottom", columns=2)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a table: one of the card's measures, or none, and the step of its rows if it is about time."""

    measure: str
    step: Step


class Picture(Protocol):
    """A way to draw a table."""

    def show(self, card: str, title: str, table: pd.DataFrame, view: View) -> None:
        """Draws the table. A click becomes the pick of this card."""


def pick(card: str, point: Point) -> None:
    """Remembers what was clicked."""
    st.session_state[f"picked-{card}"] = point


def take_pick(card: str) -> Point | None:
    """Returns what was clicked since the last call."""
    picked: Point | None = st.session_state.pop(f"picked-{card}", None)
    return picked


@dataclass(frozen=True, slots=True)
class Chart:
    """``draw`` makes the drawing."""

    draw: Callable[[View], Drawing]

    def show(self, card: str, title: str, table: pd.DataFrame, view: View) -> None:
        """See Picture."""
        st.vega_lite_chart(
            with_rows(self.draw(view), table),
            key=f"chart-{card}",
            on_select=lambda: _find_pick(card),
            selection_mode=PICK,
            alt=title,
        )


def _find_pick(card: str) -> None:
    """Finds which point was clicked: the one by which the selection changed."""
    now: list[Point] = list(st.session_state[f"chart-{card}"]["selection"].get(PICK) or [])
    before: list[Point] = st.session_state.get(f"selected-{card}", [])
    changed = [point for point in now if point not in before] or [point for point in before if point not in now]
    st.session_state[f"selected-{card}"] = now
    if changed:
        pick(card, changed[-1])
