"""How a card draws its table, and what was clicked in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd
import streamlit as st

from session_store.analytics.period import Step

Point = dict[str, Any]
"""The values of the table's columns that identify a clicked point."""


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
