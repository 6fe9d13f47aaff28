"""How figures are formatted."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from colloquy.ui.formatting import duration

MISSING = "none"


def count(number: float) -> str:
    """Formats a count in full, for tables and texts: ``1,234``, ``56,700``."""
    return f"{number:,.0f}"


def compact(number: float) -> str:
    """Formats a count for a tile, which has little room: ``1,234``, ``56.7k``, ``8.9M``, ``1.2B``."""
    if number < 10_000:
        return f"{number:,.0f}"
    if number < 999_950:
        return f"{number / 1000:.1f}k"
    if number < 999_950_000:
        return f"{number / 1_000_000:.1f}M"
    return f"{number / 1_000_000_000:.1f}B"


def money(dollars: float | None) -> str:
    """Formats US dollars; ``unknown`` if the price is not known."""
    if dollars is None:
        return "unknown"
    if 0 < dollars < 0.01:
        return "under $0.01"
    return f"${dollars:,.2f}"


def seconds(value: float | None) -> str:
    """Formats a duration, or ``none`` if none was measured."""
    return MISSING if value is None else duration(value)


def share(value: float | None) -> str:
    """Formats a share of 1 as a percentage, or ``none``."""
    return MISSING if value is None else f"{100 * value:.1f}%"


def change(now: float | None, before: float | None) -> str:
    """Formats the growth of a figure since the previous period; empty if it is unknown or zero."""
    if now is None or not before:
        return ""
    grown = round(100 * (now - before) / before)
    if grown == 0:
        return ""
    return f"{grown:+d}%" if abs(grown) < 1000 else f"x{now / before:,.0f}"


def points(now: float | None, before: float | None) -> str:
    """Formats the change of a share of 1 in percentage points; empty if it is unknown or zero."""
    if now is None or before is None:
        return ""
    difference = round(100 * (now - before), 1)
    return f"{difference:+.1f} points" if difference else ""


SHARES: Final = frozenset({"Share", "Failed"})
"""Columns that hold shares of 1, unless they hold whole numbers."""
MONEY: Final = "Cost"


def column_formats(table: pd.DataFrame) -> dict[str, ColumnConfig]:
    """Returns the grid formats for the columns of a report's table, as used everywhere on the page."""
    number = st.column_config.NumberColumn
    formats: dict[str, ColumnConfig] = {}
    for name, kind in table.dtypes.items():
        column = str(name)
        if pd.api.types.is_integer_dtype(kind):
            formats[column] = number(format="localized")
        elif column == MONEY:
            formats[column] = number(format="$%.4f")
        elif column in SHARES:
            formats[column] = number(format="percent")
        elif pd.api.types.is_float_dtype(kind):
            formats[column] = number(format="%.2f s")
    return formats


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Rounds a report's table to the decimals that are meaningful: six for dollars, four for shares, three for
    seconds."""
    decimals = {
        str(name): 6 if name == MONEY else 4 if name in SHARES else 3
        for name, kind in table.dtypes.items()
        if pd.api.types.is_float_dtype(kind)
    }
    return table.round(decimals)
