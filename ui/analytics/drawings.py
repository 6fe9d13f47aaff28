"""How each chart is drawn. The drawings are the same for any data, so that a change of filters moves the bars that are
there instead of building the charts anew."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import altair as alt
import pandas as pd

from session_store.analytics.period import Step

PICK: Final = "pick"
HEIGHT: Final = 240
BAR: Final = 26
TEXT: Final = {False: "#1c2130", True: "#e6e8ef"}
"""The theme's, which does not reach texts inside a drawing; by whether it is dark."""
COLOURS: Final = {False: ("#4f46e5", "#0d9488", "#d97706"), True: ("#818cf8", "#2dd4bf", "#fbbf24")}
FAILED: Final = {False: "#dc2626", True: "#f87171"}
DATE_FORMATS: Final = {Step.DAY: "%d %b", Step.WEEK: "%d %b", Step.MONTH: "%b %Y"}

Drawing = dict[str, Any]


def _picks(*fields: str) -> alt.Parameter:
    # Each click changes the selection by exactly what was clicked, a second click on the same bar too.
    return alt.selection_point(name=PICK, fields=list(fields), toggle="true", clear=False)


def _finished(chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int | alt.Step = HEIGHT) -> Drawing:
    drawing: Drawing = json.loads(chart.properties(height=height).configure_view(stroke=None).to_json(validate=False))
    for part in (drawing, *drawing.get("layer", ())):
        part.pop("data", None)
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


@cache
def over_time(measure: str, step: Step) -> Drawing:
    """A bar for each step."""
    bars = _base().mark_bar(cornerRadiusEnd=3, cursor="pointer")
    bars = bars.encode(
        x=_when(step),
        y=alt.Y(f"{measure}:Q", title=None, axis=alt.Axis(tickMinStep=1, format="~s")),
        tooltip=["Start:O", alt.Tooltip(f"{measure}:Q", format=",")],
    )
    return _finished(bars.add_params(_picks("Start")))


@cache
def heat() -> Drawing:
    """A square for each hour of the week."""
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
    """Two lines of medians and two of percentiles, in seconds."""
    names: list[str | alt.FieldName] = [
        "First word",
        "First word, 95 %",
        "Turn",
        "Turn, 95 %",
    ]
    lines = _base().transform_fold(names, as_=["Time", "Seconds"])
    lines = lines.transform_filter("isValid(datum.Seconds)").mark_line(point={"size": 40, "cursor": "pointer"})
    lines = lines.encode(
        x=_when(step),
        y=alt.Y("Seconds:Q", title="Seconds"),
        color=alt.Color("Time:N", sort=None, scale=alt.Scale(domain=names), legend=_legend()),
        tooltip=["Start:O", "Time:N", alt.Tooltip("Seconds:Q", format=".2f")],
    )
    return _finished(lines.add_params(_picks("Start")), HEIGHT + 50)


@cache
def by_name(field: str, parts: tuple[str, ...], number_format: str, *, dark: bool) -> Drawing:
    """A bar for each name, of one part or of several in a row; the name stands above its bar, so that there is room
    for it on a phone."""
    base = _base().transform_fold([*parts], as_=["What", "Number"])
    base = base.transform_calculate(_place=f"indexof({json.dumps(parts)}, datum.What)")
    # Without a rank, a chart whose data change would keep the order of those that it had before.
    place = alt.Y(f"{field}:N", sort=alt.EncodingSortField("_rank", op="min"), axis=None)
    bars = base.mark_bar(height=9, yOffset=7, cursor="pointer", cornerRadius=2)
    bars = bars.encode(
        x=alt.X("Number:Q", title=None, stack="zero", axis=alt.Axis(format=number_format, tickCount=5)),
        y=place,
        color=alt.Color("What:N", sort=None, scale=_scale(parts, dark=dark), legend=_legend())
        if len(parts) > 1
        else alt.Undefined,
        order=alt.Order("_place:Q") if len(parts) > 1 else alt.Undefined,
        tooltip=[f"{field}:N", "What:N", alt.Tooltip("Number:Q", format=number_format)],
    )
    names = _base().mark_text(align="left", dy=-5, limit=alt.ExprRef("width - 4"), color=TEXT[dark])
    names = names.encode(x=alt.value(2), y=place, text="_label:N")
    picks = _picks(field, "What") if len(parts) > 1 else _picks(field)
    return _finished(alt.layer(bars.add_params(picks), names), alt.Step(BAR + 10))


def _scale(parts: tuple[str, ...], *, dark: bool) -> alt.Scale:
    """The theme's colours for the parts, but red for what failed."""
    others = iter(COLOURS[dark])
    return alt.Scale(domain=list(parts), range=[FAILED[dark] if part == "Failed" else next(others) for part in parts])


@cache
def feedback(step: Step) -> Drawing:
    """Positive scores above the line, negative ones below it."""
    names: list[str | alt.FieldName] = ["Positive", "Negative"]
    bars = _base().transform_fold(names, as_=["What", "Scores"]).transform_filter("datum.Scores > 0")
    bars = bars.transform_calculate(_height="datum.What == 'Negative' ? -datum.Scores : datum.Scores")
    bars = bars.mark_bar(cornerRadiusEnd=3, cursor="pointer").encode(
        x=_when(step),
        y=alt.Y("_height:Q", title=None, axis=alt.Axis(tickMinStep=1, labelExpr="format(abs(datum.value), '~s')")),
        color=alt.Color(
            "What:N", sort=None, scale=alt.Scale(domain=names, range=["#16a34a", "#dc2626"]), legend=_legend()
        ),
        tooltip=["Start:O", "What:N", alt.Tooltip("Scores:Q", format=","), alt.Tooltip("Share:Q", format=".0%")],
    )
    return _finished(bars.add_params(_picks("Start", "What")))


@cache
def turns() -> Drawing:
    """A bar for each range of turns."""
    bars = _base().mark_bar(cornerRadiusEnd=3, cursor="pointer")
    bars = bars.encode(
        x=alt.X("Turns:O", sort=None, axis=alt.Axis(title="Turns", labelAngle=0, ticks=False)),
        y=alt.Y("Chats:Q", title=None, axis=alt.Axis(tickMinStep=1, format="~s")),
        tooltip=["Turns:O", alt.Tooltip("Chats:Q", format=",")],
    )
    return _finished(bars.add_params(_picks("Turns")))


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="bottom", columns=2)
