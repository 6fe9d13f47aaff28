"""One chart: the question it answers, the drawing, its data, and the way to the conversations behind a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from session_store.analytics.behind import Behind
from session_store.analytics.period import Step
from session_store.analytics.report import Report
from ui.analytics import behind_dialog
from ui.analytics.drawings import PICK, Drawing

DRAWN = ("_label", "_rank")
"""Hidden columns begin with an underscore; these are drawn."""
Point = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Style:
    """What a drawing depends on besides its measure: what a chart over time has a point for, and the theme."""

    step: Step
    dark: bool


@dataclass(frozen=True, slots=True)
class Card:
    """``table`` is the name of the report's table. ``draw`` makes the drawing for a measure; ``shown`` what it draws.
    ``behind`` says which conversations a picked point stands for, with a title. ``note`` is what else a person should
    know."""

    table: str
    question: str
    draw: Callable[[Style, str], Drawing]
    behind: Callable[[Report, Point], tuple[Behind, str]]
    empty: str
    measures: Sequence[str] = ()
    is_empty: Callable[[pd.DataFrame], bool] = field(default=lambda table: table.empty)
    shown: Callable[[pd.DataFrame, str], pd.DataFrame] = field(default=lambda table, _: table)
    note: str = ""


@st.fragment
def card(made: Card, report: Report) -> None:
    """Draw a chart."""
    table = report.tables[made.table]
    with st.container(border=True, height="stretch", key=f"card-{made.table}"):
        with st.container(horizontal=True, vertical_alignment="center", key=f"card-head-{made.table}"):
            st.subheader(made.question, anchor=False, width="stretch")
            if not made.is_empty(table):
                _data(made, table)
        if made.is_empty(table):
            st.caption(made.empty)
            return
        measure = _measure(made)
        st.vega_lite_chart(
            _drawn(made.shown(table, measure)),
            made.draw(Style(report.scope.period.step, st.context.theme.type == "dark"), measure),
            key=f"chart-{made.table}",
            on_select=lambda: _remember(made.table),
            selection_mode=PICK,
            alt=made.question,
        )
        if made.note:
            st.caption(made.note)
    point = st.session_state.pop(f"picked-{made.table}", None)
    if point is not None:
        picked, title = made.behind(report, point)
        behind_dialog.behind(report.scope, picked, title)


def _measure(made: Card) -> str:
    if not made.measures:
        return ""
    chosen = st.segmented_control(
        "Measure",
        made.measures,
        default=made.measures[0],
        required=True,
        key=f"measure-{made.table}",
        label_visibility="collapsed",
    )
    return str(chosen)


def _drawn(table: pd.DataFrame) -> pd.DataFrame:
    """What the browser needs of a table."""
    return table[[name for name in table.columns if name in DRAWN or not name.startswith("_")]]


def _data(made: Card, table: pd.DataFrame) -> None:
    popover = st.popover("Data", icon=":material/table:", type="tertiary", key=f"data-{made.table}", on_change="rerun")
    if not popover.open:
        return
    visible = table[[name for name in table.columns if not name.startswith("_")]]
    with popover:
        st.dataframe(visible, hide_index=True, height="content" if len(visible) <= 10 else 380)
        st.download_button(
            "CSV",
            lambda: visible.to_csv(index=False).encode(),
            file_name=f"{made.table}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv-{made.table}",
            on_click="ignore",
        )


def _remember(name: str) -> None:
    """Find out which point was clicked: the one by which the selection changed."""
    now: list[Point] = list(st.session_state[f"chart-{name}"]["selection"].get(PICK) or [])
    before: list[Point] = st.session_state.get(f"selected-{name}", [])
    changed = [point for point in now if point not in before] or [point for point in before if point not in now]
    st.session_state[f"selected-{name}"] = now
    if changed:
        st.session_state[f"picked-{name}"] = changed[-1]
