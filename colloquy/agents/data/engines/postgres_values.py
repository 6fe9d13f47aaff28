"""Converts PostgreSQL's values to Arrow: reads them as the server's texts, which never fails, then converts them to
types where they fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from psycopg.pq.abc import PGresult

_BOOL, _BYTEA, _NUMERIC = 16, 17, 1700
_TYPES: Final[dict[int, pa.DataType]] = {
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    26: pa.int64(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1083: pa.time64("us"),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", "UTC"),
}
_MOST_DIGITS: Final = 38


def as_texts(result: PGresult) -> pa.RecordBatch:
    """The rows of a result, with every value as text."""
    arrays = [
        pa.array([_text(result.get_value(row, column)) for row in range(result.ntuples)], pa.string())
        for column in range(result.nfields)
    ]
    return pa.RecordBatch.from_arrays(arrays, [(result.fname(i) or b"").decode() for i in range(result.nfields)])


def as_arrow(table: pa.Table, result: PGresult) -> pa.Table:
    """Convert the texts to the types that the result declares. A column with a value that its type cannot hold (an
    infinite date, a number of 200 digits) stays text."""
    columns = [_typed(column, result.ftype(i)) for i, column in enumerate(table.columns)]
    return pa.Table.from_arrays(columns, table.column_names)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _typed(column: pa.ChunkedArray, oid: int) -> pa.ChunkedArray:
    try:
        return _CONVERSIONS[oid](column) if oid in _CONVERSIONS else _cast(column, oid)
    except (pa.ArrowInvalid, ValueError):
        return column


def _cast(column: pa.ChunkedArray, oid: int) -> pa.ChunkedArray:
    return column.cast(_TYPES[oid]) if oid in _TYPES else column


def _booleans(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.equal(column, "t")


def _blobs(column: pa.ChunkedArray) -> pa.ChunkedArray:
    values = [None if text is None else bytes.fromhex(text.removeprefix("\\x")) for text in column.to_pylist()]
    return pa.chunked_array([pa.array(values, pa.binary())])


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    whole = scale = 0
    for text in column.to_pylist():
        if text is not None:
            before, _, after = text.lstrip("-").partition(".")
            if not before.isdigit():  # NaN, Infinity
                return column.cast(pa.float64())
            whole, scale = max(whole, len(before)), max(scale, len(after))
    if whole + scale > _MOST_DIGITS:
        return column if whole > _MOST_DIGITS else column.cast(pa.float64())
    return column.cast(pa.decimal128(_MOST_DIGITS, scale))


_CONVERSIONS: Final[dict[int, Callable[[pa.ChunkedArray], pa.ChunkedArray]]] = {
    _BOOL: _booleans,
    _BYTEA: _blobs,
    _NUMERIC: _numbers,
}
