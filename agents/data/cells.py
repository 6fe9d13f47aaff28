"""Rows of a result as JSON: small, exact where it can be, and never a value that JSON cannot hold."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

LONGEST_TEXT: Final = 500
_LONGEST_LIST: Final = 50
_DEEPEST: Final = 6
_SAFE_INTEGER: Final = 2**53


def json_rows(table: pa.Table, limit: int) -> list[list[Any]]:
    """The first ``limit`` rows of a table, each a list of JSON values in the order of the columns."""
    columns = [[json_value(value) for value in _values(column.slice(0, limit))] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def json_value(value: object, depth: int = 0) -> Any:  # noqa: ANN401, C901, PLR0911 - one line for each type is the clearest
    """A value as JSON: dates in ISO format, decimals as numbers where these are exact, blobs as their size, what is
    not a number as null, long texts shortened with a mark."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, int):
        return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, pa.MonthDayNano):
        return interval_text(value)
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if depth < _DEEPEST and isinstance(value, dict):
        return {_short(str(key)): json_value(item, depth + 1) for key, item in list(value.items())[:_LONGEST_LIST]}
    if depth < _DEEPEST and isinstance(value, list | tuple):
        return [json_value(item, depth + 1) for item in value[:_LONGEST_LIST]]
    return _short(str(value))


def interval_text(value: pa.MonthDayNano) -> str:
    """A length of time as DuckDB writes it: ``1 month 3 days 04:05:06.5``."""
    years = int(value.months / 12)
    counts = ((years, "year"), (value.months - 12 * years, "month"), (value.days, "day"))
    parts = [f"{count} {unit}{'' if abs(count) == 1 else 's'}" for count, unit in counts if count]
    if value.nanoseconds or not parts:
        seconds, rest = divmod(abs(value.nanoseconds), 1_000_000_000)
        fraction = f".{rest:09d}".rstrip("0").rstrip(".") if rest else ""
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"
        parts.append(f"{'-' if value.nanoseconds < 0 else ''}{clock}")
    return " ".join(parts)


def _values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # a date before the year 1 or after 9999, which Python has not
        return list(column.cast(pa.string()).to_pylist())


def _number(value: Decimal) -> float | int | str | None:
    if not value.is_finite():
        return None
    if value == value.to_integral_value() and abs(value) <= _SAFE_INTEGER:
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    return float(value) if len(value.as_tuple().digits) <= 15 else str(value)


def _short(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… ({len(text):,} characters)"
