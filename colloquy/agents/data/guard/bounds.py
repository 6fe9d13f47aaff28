"""How much a query may take, and how its result is cut to fit."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from colloquy.agents.data.guard.values import count, fitting, leaf_columns, size, storable
from session_store.phrases import counted

MEBIBYTE: Final = 1024 * 1024

MOST_COLUMNS: Final = 1_000
"""The most columns a result may have. Each field of a struct counts as one."""

Cut = Literal["rows", "cells", "bytes"]
"""The bound at which a result was cut."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one query may take: rows, bytes and cells in its result, and seconds until its last row. Values nested in a
    cell count as cells too."""

    rows: int = 10_000
    seconds: float = 20.0
    result_bytes: int = 32 * MEBIBYTE
    cells: int = 2_000_000


class EngineError(Exception):
    """An error in the worker. ``kind`` is ``failed``, ``time``, ``memory`` or ``unavailable``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Deadline:
    """The moment at which a query's time runs out."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._end

    def error(self) -> EngineError:
        """The error to raise once the time is up."""
        return EngineError("time", too_slow(self._seconds))


def too_slow(seconds: float) -> str:
    """The message for a query that was stopped for taking too long."""
    return (
        f"The query was stopped after {counted(seconds, 'second')}, which is the limit. "
        "Reduce the work: filter rows, join on keys, or aggregate."
    )


def too_big(mebibytes: int) -> str:
    """The message for a query that was stopped for taking too much memory."""
    return (
        f"The query was stopped: it needed more than {mebibytes} MB of memory. "
        "Reduce the result: filter rows, choose fewer columns, or aggregate."
    )


def collect(batches: Iterable[pa.RecordBatch], schema: pa.Schema, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
    """Gather batches up to the bounds, converted to types that Parquet supports.

    Returns:
        The table and the bound that cut it short; None if nothing did.

    Raises:
        EngineError: there are too many columns, or not even the first row fits.
    """
    _check_columns(schema)
    kept: list[pa.RecordBatch] = []
    rows = cells = taken = 0
    cut: Cut | None = None
    for batch in batches:
        wanted, cut = _within(batch, Bounds(bounds.rows - rows, 0, bounds.result_bytes - taken, bounds.cells - cells))
        if wanted.num_rows == 0 and rows == 0:
            _check_first_row(cut, bounds)
        kept.append(wanted)
        rows, cells, taken = rows + wanted.num_rows, cells + _cells(wanted), taken + wanted.nbytes
        if cut:
            break
    if not kept:
        kept.append(storable(pa.RecordBatch.from_arrays([pa.nulls(0, kind) for kind in schema.types], schema=schema)))
    return pa.Table.from_batches(kept), cut


def _check_columns(schema: pa.Schema) -> None:
    columns = sum(map(leaf_columns, schema.types))
    if columns > MOST_COLUMNS:
        raise EngineError(
            "failed", f"The result has {columns:,} columns, and may have {MOST_COLUMNS:,}. Choose fewer of them."
        )


def _check_first_row(cut: Cut | None, bounds: Bounds) -> None:
    if cut == "bytes":
        raise EngineError("memory", f"One row of the result is larger than {bounds.result_bytes // MEBIBYTE} MB.")
    if cut == "cells":
        raise EngineError(
            "memory", f"One row of the result holds more than {bounds.cells:,} values. Choose a part of its lists."
        )


def _within(batch: pa.RecordBatch, room: Bounds) -> tuple[pa.RecordBatch, Cut | None]:
    """As many rows as there is room for, storable. Rows are counted before they are converted, so that those left out
    cost nothing."""
    cut: Cut | None = None
    if batch.num_rows > room.rows:
        batch, cut = batch.slice(0, room.rows), "rows"
    few = fitting(batch, lambda rows: _cells(rows) <= room.cells)
    small = fitting(few, lambda rows: sum(map(size, rows.columns)) <= room.result_bytes)
    made = storable(small)
    kept = fitting(made, lambda rows: rows.nbytes <= room.result_bytes)
    if kept.num_rows < few.num_rows:
        return kept, "bytes"
    return kept, "cells" if few.num_rows < batch.num_rows else cut


def _cells(batch: pa.RecordBatch) -> int:
    return sum(map(count, batch.columns))
