"""How figures are written."""

from __future__ import annotations

from ui.formatting import duration

MISSING = "none"


def count(number: float) -> str:
    """A count: ``1,234``, ``56.7k``, ``8.9M``, ``1.2B``."""
    if number < 10_000:
        return f"{number:,.0f}"
    if number < 999_950:
        return f"{number / 1000:.1f}k"
    if number < 999_950_000:
        return f"{number / 1_000_000:.1f}M"
    return f"{number / 1_000_000_000:.1f}B"


def money(dollars: float | None) -> str:
    """US dollars; ``unknown`` where no price is known."""
    if dollars is None:
        return "unknown"
    if 0 < dollars < 0.01:
        return "under $0.01"
    return f"${dollars:,.2f}"


def seconds(value: float | None) -> str:
    """A duration, or a dash where none was measured."""
    return MISSING if value is None else duration(value)


def share(value: float | None) -> str:
    """A share of 1 as per cent, or a dash."""
    return MISSING if value is None else f"{100 * value:.1f} %"


def change(now: float | None, before: float | None) -> str:
    """How much a figure grew since the period before; empty where nothing can be said."""
    if now is None or not before:
        return ""
    grown = round(100 * (now - before) / before)
    return f"{grown:+d} %" if abs(grown) < 1000 else f"x{now / before:,.0f}"
