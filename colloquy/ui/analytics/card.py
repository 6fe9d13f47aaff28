"""A card: the question it answers, its picture, its data, and the drill-down from a point to its conversations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from colloquy.ui.analytics.drawings import Picture, Point, View, take_pick
from colloquy.ui.analytics.numbers import column_formats, rounded
from colloquy.ui.history.drill_down import open_list
from session_store.analytics.drill_down import DrillDown
from session_store.analytics.report import Report


@dataclass(frozen=True, slots=True)
class Card:
    """``table`` is the name of the report's table. ``drill_down`` returns the conversations behind a clicked point, and
    their title; None if that point is no longer in the table. ``note`` is additional information for the user."""

    table: str
    question: str
    picture: Picture
    drill_down: Callable[[Report, Point], tuple[DrillDown, str] | None]
    empty: str
    measures: Sequence[str] = ()
    is_empty: Callable[[pd.DataFrame], bool] = field(default=lambda table: table.empty)
    note: str = ""


@st.fragment
def card(made: Card, report: Report) -> None:
    """Draws a card."""
    table = report.tables[made.table]
    with st.container(border=True, height="stretch", key=f"card-{made.table}"):
        with st.container(horizontal=True, vertical_alignment="center", key=f"card-head-{made.table}"):
            st.header(made.question, anchor=False, width="stretch")
            if not made.is_empty(table):
                _data(made, table)
        if made.is_empty(table):
            st.caption(made.empty)
            return
        measure = _measure(made)
        made.picture.show(made.table, made.question, _visible(table), View(measure, report.scope.period.step))
        if made.note:
            st.caption(made.note)
    point = take_pick(made.table)
    if point is not None:
        if found := made.drill_down(report, point):
            open_list(report.scope, *found)
        else:
            st.toast("These figures have just changed. Click again.", icon=":material/refresh:")


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


def _visible(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table without its hidden columns, whose names begin with an underscore."""
    return table[[name for name in table.columns if not name.startswith("_")]]


def _data(made: Card, table: pd.DataFrame) -> None:
    popover = st.popover("Data", icon=":material/table:", type="tertiary", key=f"data-{made.table}", on_change="rerun")
    if not popover.open:
        return
    visible = _visible(table)
    with popover:
        st.dataframe(
            visible,
            hide_index=True,
            height="content" if len(visible) <= 7 else 280,
            column_config=column_formats(visible),
        )
        st.download_button(
            "CSV",
            lambda: rounded(visible).to_csv(index=False).encode(),
            file_name=f"{made.table}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv-{made.table}",
            on_click="ignore",
        )
