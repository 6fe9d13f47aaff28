"""The answers of databases, as plain immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from colloquy.agents.data.guard.bounds import Bounds, Cut
from session_store.phrases import counted


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows of a query, up to its bounds.

    ``cut`` names the bound that further rows would have exceeded (``rows``, ``cells`` or ``bytes``), None if these are
    all. ``seconds`` is how long finding them took. ``as_of`` is the time at which the data was in the queried state
    (Unix seconds), where that was not just now.
    """

    sql: str
    table: pa.Table = field(repr=False)
    seconds: float
    bounds: Bounds
    cut: Cut | None = None
    as_of: float | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.table.num_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names. May repeat."""
        return tuple(self.table.column_names)

    @property
    def note(self) -> str:
        """A sentence about what is missing; empty if nothing is."""
        first = f"Only the first {counted(self.rows, 'row was', 'rows were')} read"
        if self.cut == "rows":
            return f"{first}, which is the limit. The query returned more."
        if self.cut == "cells":
            cells = f"{self.bounds.cells:,} cells"
            if any(map(pa.types.is_nested, self.table.schema.types)):
                cells += ", counting the values within lists and the like"
            return f"{first}: a result may have {cells}. The query returned more."
        if self.cut == "bytes":
            size = self.bounds.result_bytes // (1024 * 1024)
            return f"{first}: a result may have {size} MB. The query returned more."
        return ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, with its type as the database names it."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table, view or file. ``sql`` is its name quoted for a query.

    ``rows`` is a count if ``is_exact``, else an estimate; None if neither is known without reading the table.
    """

    name: str
    sql: str
    kind: str
    rows: int | None
    is_exact: bool
    columns: tuple[Column, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class TableDescription:
    """A table and a sample of its contents. ``sample`` has its first rows (at most 5).

    ``values`` lists, for text columns with few distinct values, all of them, sorted; in a table too large to scan,
    those of its first rows.
    """

    table: TableInfo
    sample: pa.Table = field(repr=False)
    values: dict[str, tuple[str, ...]] = field(hash=False)
