"""A bar chart by name, as a list in HTML.

Its names are text of the page, each bar is a button that the keyboard can reach, and it appears at once, which six more
charts in the browser would not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from colloquy.ui.analytics.drawings import View, pick
from colloquy.ui.analytics.numbers import count
from colloquy.ui.components import asset

FAILED: Final = "Failed"
Row = Mapping[Any, Any]
"""Values by column; None if there is none."""


@dataclass(frozen=True, slots=True)
class Bars:
    """``name`` is the column with the names, which ``label`` formats.

    ``parts`` lists, by measure, the columns that make up a bar, and ``value`` formats the text beside the name for a
    measure. ``failures`` formats the number of failures in a row, which can be clicked separately.
    """

    name: str
    value: Callable[[Row, str], str]
    parts: Mapping[str, Sequence[str]]
    label: Callable[[str], str] = str
    failures: Callable[[Row, str], str] = lambda *_: ""

    def show(self, card: str, title: str, table: pd.DataFrame, view: View) -> None:
        """See Picture."""
        key = f"bars-{card}"
        mount = st.components.v2.component(
            "colloquy.bars",
            html=asset(__file__, "bars.html"),
            css=asset(__file__, "bars.css"),
            js=asset(__file__, "bars.js"),
        )
        mount(
            key=key,
            data={"title": title, **self.drawn(table, view.measure)},
            on_picked_change=lambda: self._picked(card, st.session_state[key].picked),
            height="content",
        )

    def _picked(self, card: str, row: Row) -> None:
        pick(card, {self.name: row["name"], "What": FAILED if row["failed"] else ""})

    def drawn(self, table: pd.DataFrame, measure: str) -> dict[str, Any]:
        """Returns the data for the browser: for each row its name, its texts, and its parts as shares of the longest
        bar (0 to 1)."""
        parts = list(self.parts[measure])
        sizes = table[parts].astype(float).fillna(0)
        longest = float(sizes.sum(axis=1).max()) or 1.0
        records = table.astype(object).where(table.notna(), None).to_dict("records")
        rows = [
            {
                "name": row[self.name],
                "label": self.label(row[self.name]),
                "value": self.value(row, measure),
                "failures": self.failures(row, measure),
                "note": "\n".join(f"{part}: {count(row[part])}" for part in parts) if len(parts) > 1 else "",
                "parts": [size / longest for size in of_row],
            }
            for row, of_row in zip(records, sizes.to_numpy().tolist(), strict=True)
        ]
        return {"rows": rows, "parts": parts}
