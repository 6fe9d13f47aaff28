"""What a card shows of its table, and what was clicked in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd
import streamlit as st

from session_store.analytics.period import Step

Point = dict[str, Any]
"""The values of the table's columns that a click stands for."""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a table: one of the card's measures, or none, and what there is a row for where it is about
    time."""

    measure: str
    step: Step


class Picture(Protocol):
    """A way to draw a table."""

    def show(self, card: str, title: str, table: pd.DataFrame, view: View) -> None:
        """Draw it. What is clicked becomes the pick of the card with this name."""


def pick(card: str, point: Point) -> None:
    """Remember what was clicked."""
    st.session_state[f"picked-{card}"] = point


def take_pick(card: str) -> Point | None:
    """What was clicked since the last call."""
    picked: Point | None = st.session_state.pop(f"picked-{card}", None)
    return picked
