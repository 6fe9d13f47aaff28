"""Rows of a result as JSON: small, exact where possible, and never with a value that JSON cannot hold."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from session_store.phrases import counted

LONGEST_TEXT: Final = 500
MOST_VALUES: Final = 200
"""How many values nested in one value are included."""

_DEEPEST: Final = 20
_MOST_BYTES: Final = 4 * LONGEST_TEXT
_SAFE_INTEGER: Final = 2**53


def json_rows(table: pa.Table, limit: int) -> list[list[Any]]:
    """The first ``limit`` rows of a table, each a list of JSON values in the order of the columns."""
    columns = [[json_cell(cell) for cell in column.slice(0, limit)] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def json_cell(cell: pa.Scalar) -> Any:  # noqa: ANN401 - JSON
    """An Arrow value as JSON: dates in ISO format, decimals as numbers where these are exact, blobs as their size, NaN
    and infinities as null; long texts and lists are shortened and marked as such. What is left out is never converted:
    turning a value of many megabytes into a Python object would block all threads."""
    return _within(cell, [MOST_VALUES], 0)


def _within(cell: pa.Scalar, room: list[int], depth: int) -> Any:  # noqa: ANN401 - JSON
    """Like ``json_cell``; subtracts the values it includes from ``room``."""
    room[0] -= 1
    if not cell.is_valid:
        return None
    if isinstance(cell, pa.DictionaryScalar | pa.ExtensionScalar | pa.RunEndEncodedScalar | pa.UnionScalar):
        return _within(cell.value, room, depth + 1) if depth < _DEEPEST else "…"
    if isinstance(cell, pa.BinaryScalar):
        return _short(cell)
    if isinstance(cell, pa.ListScalar | pa.StructScalar):
        return _nested(cell, room, depth + 1) if depth < _DEEPEST else "…"
    return _json_value(cell)


def _nested(cell: pa.ListScalar | pa.StructScalar, room: list[int], depth: int) -> Any:  # noqa: ANN401 - JSON
    if isinstance(cell, pa.StructScalar):
        names = [field.name for field in cell.type]
        return {name: _within(cell[at], room, depth) for at, name in enumerate(names) if room[0] > 0}
    values: list[Any] = []
    for one in cell.values:
        if room[0] <= 0:
            return [*values, f"… ({len(cell.values):,} values)"]
        if isinstance(cell, pa.MapScalar):
            values.append([_within(one[at], room, depth) for at in (0, 1)])
        else:
            values.append(_within(one, room, depth))
    return values


def _short(cell: pa.BinaryScalar) -> str:
    buffer = cell.as_buffer()
    if not isinstance(cell, pa.StringScalar | pa.LargeStringScalar | pa.StringViewScalar):
        return f"<{counted(buffer.size, 'byte')}>"
    text = bytes(memoryview(buffer)[:_MOST_BYTES]).decode("utf-8", "ignore")
    if buffer.size <= _MOST_BYTES and len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… ({pc.utf8_length(cell).as_py():,} characters)"


def _json_value(cell: pa.Scalar) -> Any:  # noqa: ANN401, PLR0911 - one line for each type is the clearest
    try:
        value = cell.as_py()
    except (ValueError, OverflowError):  # a date before the year 1 or after 9999, which Python does not support
        return cell.cast(pa.string()).as_py()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, pa.MonthDayNano):
        return interval_text(value)
    return value if isinstance(value, str) else str(value)[:LONGEST_TEXT]


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


def _number(value: Decimal) -> float | int | str | None:
    if not value.is_finite():
        return None
    if value == value.to_integral_value() and abs(value) <= _SAFE_INTEGER:
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    return float(value) if len(value.as_tuple().digits) <= 15 else str(value)
