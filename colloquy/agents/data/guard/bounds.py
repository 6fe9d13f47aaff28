"""How much a query may take, and how a result is cut to that."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

MEBIBYTE: Final = 1024 * 1024

MOST_COLUMNS: Final = 1_000
"""Columns that a result may have."""

Cut = Literal["rows", "cells", "bytes"]
"""The bound that a result was cut at."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one query may take: rows, bytes and cells (rows times columns) of its result, and seconds until its last
    row."""

    rows: int = 10_000
    seconds: float = 20.0
    result_bytes: int = 32 * MEBIBYTE
    cells: int = 2_000_000


class EngineError(Exception):
    """What went wrong in the worker. ``kind`` is ``failed``, ``time``, ``memory`` or ``unavailable``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Deadline:
    """The moment at which a query has had its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._end

    def error(self) -> EngineError:
        """The error that says so."""
        return EngineError("time", too_slow(self._seconds))


def too_slow(seconds: float) -> str:
    """The sentence about a query that was cut off."""
    return (
        f"The query was stopped after {seconds:g} seconds, which is the limit. "
        "Reduce the work: filter rows, join on keys, or aggregate."
    )


def too_big(mebibytes: int) -> str:
    """The sentence about a query that was cut off for its memory."""
    return (
        f"The query was stopped: it needed more than {mebibytes} MB of memory. "
        "Reduce the result: filter rows, choose fewer columns, or aggregate."
    )


def collect(batches: Iterable[pa.RecordBatch], schema: pa.Schema, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
    """Gather batches up to the bounds.

    Returns:
        The table and what cut it short; None if nothing did.

    Raises:
        EngineError: there are too many columns, or not even the first row fits into the bytes.
    """
    most, reason = _most_rows(len(schema), bounds)
    kept: list[pa.RecordBatch] = []
    rows = size = 0
    cut: Cut | None = None
    for batch in batches:
        wanted = batch
        if rows + wanted.num_rows > most:
            wanted, cut = wanted.slice(0, most - rows), reason
        room = bounds.result_bytes - size
        if wanted.get_total_buffer_size() > room and wanted.nbytes > room:
            wanted, cut = _fitting(wanted, room), "bytes"
        kept.append(wanted)
        rows, size = rows + wanted.num_rows, size + wanted.nbytes
        if cut:
            break
    if cut == "bytes" and rows == 0:
        raise EngineError("memory", f"One row of the result is larger than {bounds.result_bytes // MEBIBYTE} MB.")
    return pa.Table.from_batches(kept, schema), cut


def _most_rows(columns: int, bounds: Bounds) -> tuple[int, Cut]:
    if columns > MOST_COLUMNS:
        raise EngineError(
            "failed", f"The result has {columns:,} columns, and may have {MOST_COLUMNS:,}. Choose fewer of them."
        )
    by_cells = max(1, bounds.cells // max(1, columns))
    return (by_cells, "cells") if by_cells < bounds.rows else (bounds.rows, "rows")


def _fitting(batch: pa.RecordBatch, room: int) -> pa.RecordBatch:
    low, high = 0, batch.num_rows
    while low < high:
        middle = (low + high + 1) // 2
        if batch.slice(0, middle).nbytes <= room:
            low = middle
        else:
            high = middle - 1
    return batch.slice(0, low)
