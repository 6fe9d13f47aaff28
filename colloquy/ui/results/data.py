"""The part of a result's data that goes to the browser, cached because pages are redrawn again and again."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ParquetFile

from colloquy.agents.data.cells import LONGEST_TEXT, json_cell
from colloquy.agents.data.charts import checked_spec
from colloquy.agents.data.errors import ChartInvalidError
from colloquy.runtime.application import current
from session_store.models import Result, ResultKind

TABLE_ROWS = 200
TABLE_COLUMNS = 100
TABLE_CELLS = 10_000
CHART_ROWS = 5_000
KEPT_BYTES = 32 * 1024 * 1024
TALLEST = 600
ROWS = "rows"
"""The name of the rows' dataset in a chart's specification."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What the page shows of a result: rows, a chart's specification, and notes."""

    table: pa.Table = field(repr=False)
    spec: dict[str, Any] | None = field(default=None, hash=False)
    note: str = ""
    problem: str = ""


class _Kept:
    """A cache of previews by result id: the most recently used ones, up to a size in bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._previews: OrderedDict[str, Preview] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, result_id: str) -> Preview | None:
        with self._lock:
            if result_id in self._previews:
                self._previews.move_to_end(result_id)
            return self._previews.get(result_id)

    def keep(self, result_id: str, preview: Preview) -> None:
        with self._lock:
            self._previews[result_id] = preview
            while len(self._previews) > 1 and self._total() > self._size:
                self._previews.popitem(last=False)

    def _total(self) -> int:
        return sum(preview.table.nbytes for preview in self._previews.values())


_kept = _Kept(KEPT_BYTES)


def preview_of(result: Result) -> Preview | None:
    """Returns what to show of a table or chart; None if its data no longer exists. A result never changes."""
    preview = _kept.get(result.id)
    if preview is None:
        data = current().store.results.data(result.id)
        if data is None:
            return None
        preview = _made(result, data)
        _kept.keep(result.id, preview)
    return preview


def _made(result: Result, data: bytes) -> Preview:
    if result.kind is ResultKind.CHART and result.spec is not None:
        return chart_preview(data, result.spec)
    return table_preview(data)


def table_preview(data: bytes) -> Preview:
    """Returns the first rows of a Parquet file, to show as a table."""
    file = ParquetFile(pa.BufferReader(data))
    shown = table_page(data, 0).table
    rows, columns = file.metadata.num_rows, file.metadata.num_columns
    return Preview(shown, note=_missing(rows, shown.num_rows, columns, shown.num_columns))


def table_page(data: bytes, number: int) -> Preview:
    """Returns one page of the rows of a Parquet file, numbered from 0, to show as a table."""
    file = ParquetFile(pa.BufferReader(data))
    columns = file.schema_arrow.names[:TABLE_COLUMNS]
    batches = file.iter_batches(rows_of_page(len(columns)))
    batch = next(islice(batches, number, None), None)
    table = pa.Table.from_batches([batch] if batch else [], file.schema_arrow)
    shown = _shown(table.select(range(len(columns))))
    return Preview(shown, note=_missing(table.num_rows, table.num_rows, table.num_columns, len(columns)))


def rows_of_page(columns: int) -> int:
    """Returns the number of rows on a page of a table."""
    return min(TABLE_ROWS, max(1, TABLE_CELLS // max(1, min(columns, TABLE_COLUMNS))))


def chart_preview(data: bytes, spec: dict[str, Any]) -> Preview:
    """Returns the rows of a Parquet file to show as a chart, or as a table with the problem if they cannot be
    charted."""
    return _chart(spec, chart_rows(data))


def with_rows(spec: dict[str, Any], rows: object) -> dict[str, Any]:
    """Returns a chart's specification with its rows as a named dataset.

    Streamlit embeds a chart together with its named datasets, but without unnamed rows, which arrive later: until then
    every scale would have an empty domain, which Vega warns about.
    """
    return {**spec, "data": {"name": ROWS}, "datasets": {ROWS: rows}}


def chart_rows(data: bytes) -> pa.Table:
    """Returns the rows of a Parquet file that a chart draws."""
    return _first_rows(ParquetFile(pa.BufferReader(data)), CHART_ROWS)


def _first_rows(file: ParquetFile, rows: int) -> pa.Table:
    batch = next(file.iter_batches(rows), None)
    return pa.Table.from_batches([batch] if batch else [], file.schema_arrow)


def _missing(all_rows: int, rows: int, all_columns: int, columns: int) -> str:
    """Says which rows and columns of a table are not on the page."""
    if rows == all_rows and columns == all_columns:
        return ""
    shown = f"the first {rows:,} rows" if rows < all_rows else ""
    narrowed = f"the first {columns:,} of {all_columns:,} columns" if columns < all_columns else ""
    rest = f"all {all_rows:,} rows" if rows < all_rows else f"all {all_columns:,} columns"
    return f"Showing {' and '.join(filter(None, (shown, narrowed)))}; the download has {rest}."


def _chart(spec: dict[str, Any], table: pa.Table) -> Preview:
    try:
        checked = checked_spec(spec, table)
    except ChartInvalidError as error:
        return Preview(_shown(table.slice(0, TABLE_ROWS)), problem=str(error))
    checked.pop("title", None)  # the title already stands above the chart
    height = checked.get("height")
    if isinstance(height, int | float):
        checked["height"] = min(height, TALLEST)
    if isinstance(checked.get("width"), int | float):
        checked["width"] = "container"
    columns = [_drawable(column) for column in table.columns]
    return Preview(pa.Table.from_arrays(columns, table.column_names), checked)


def _shown(table: pa.Table) -> pa.Table:
    """Prepares a table for the page's grid: unique column names, no endless texts."""
    return pa.Table.from_arrays([_readable(column) for column in table.columns], _unique(table.column_names))


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _readable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _readable(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _shortened(column)
    if pa.types.is_timestamp(kind):
        return _dates(column)
    if pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return column
    return _shortened(pa.chunked_array([pa.array(map(_text, map(json_cell, column)), pa.string())]))


def _drawable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Converts a column for Vega-Lite: JavaScript has neither decimals nor large integers."""
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        return column.cast(pa.float64(), safe=False)
    return _readable(column)


def _dates(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Drops the time of day if all times are at midnight, such as the months of a ``date_trunc``."""
    if times.type.tz or times.null_count == len(times):
        return times
    days = times.cast(pa.date32(), safe=False)
    return days if pc.all(pc.equal(days.cast(times.type), times)).as_py() else times


def _shortened(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    is_long = pc.greater(pc.utf8_length(texts), LONGEST_TEXT)
    if not pc.any(is_long).as_py():
        return texts
    begin = pc.utf8_slice_codeunits(texts, 0, LONGEST_TEXT)
    return pc.if_else(is_long, pc.binary_join_element_wise(begin, "…", ""), texts)


def _text(value: object) -> str | None:
    """Returns a JSON value as text."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
