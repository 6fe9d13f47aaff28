"""A picture drawn with Vega-Lite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from colloquy.ui.analytics.drawings import PICK, Drawing
from colloquy.ui.analytics.picture import Point, View, pick
from colloquy.ui.results.data import with_rows


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
