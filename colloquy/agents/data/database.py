"""Databases that can be queried: lists their tables and runs queries within bounds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from colloquy.agents.data.connection import Connection
from colloquy.agents.data.engines.base import quoted
from colloquy.agents.data.errors import QueryBoundError, UnknownTableError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.guard.functions import Dialect
from colloquy.agents.data.own_files import OwnFiles
from colloquy.agents.data.results import Column, QueryResult, TableDescription, TableInfo
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.agents.data.workers.pool import MEMORY_MIB, WORKERS, Workers
from colloquy.agents.data.workers.process import DataSource, WorkerProcess

CATALOG_SECONDS: Final = 20.0

_LOOKED_AT_ROWS: Final = 5_000
_SAMPLE_ROWS: Final = 5
_FEW_VALUES: Final = 12
_COUNT_SECONDS: Final = 5.0


class Database(Protocol):
    """A database that can be queried in SQL, read-only. All methods are thread-safe, block, and raise DataError."""

    @property
    def name(self) -> str:
        """The name that users see."""
        ...

    @property
    def dialect(self) -> Dialect:
        """The dialect of SQL that it understands."""
        ...

    def test(self) -> str:
        """Check that it can be queried. Returns a sentence about what was found."""
        ...

    def tables(self) -> tuple[TableInfo, ...]:
        """Its tables, views and files, by name."""
        ...

    def query(self, sql: str, bounds: Bounds | None = None, cancellation: Cancellation | None = None) -> QueryResult:
        """Run one statement that only reads. Raises SqlRefusedError, SqlFailedError, QueryBoundError,
        QueryStoppedError."""
        ...


def describe(database: Database, name: str, cancellation: Cancellation | None = None) -> TableDescription:
    """Describe a table: its row count, first rows and common values.

    Raises:
        UnknownTableError: names the tables that exist.
    """
    tables = database.tables()
    wanted = name.replace('"', "").strip().casefold()
    table = next((table for table in tables if table.name.casefold() == wanted), None)
    if table is None:
        raise UnknownTableError(
            f"There is no table {name!r}. There are: {', '.join(table.name for table in tables) or 'none'}."
        )
    looked_at = database.query(
        f"select * from {table.sql} limit {_LOOKED_AT_ROWS}", Bounds(rows=_LOOKED_AT_ROWS), cancellation
    )
    if not table.is_exact:
        table = _counted(database, table, looked_at, cancellation)
    values = _few_values(looked_at.table)
    if looked_at.rows != table.rows:
        values = _in_the_whole_table(database, table, values, cancellation)
    return TableDescription(table, looked_at.table.slice(0, _SAMPLE_ROWS), values)


def _counted(
    database: Database, table: TableInfo, looked_at: QueryResult, cancellation: Cancellation | None
) -> TableInfo:
    """The table with an exact row count, unless counting takes too long."""
    rows: int | None = looked_at.rows
    if looked_at.cut or looked_at.rows == _LOOKED_AT_ROWS:
        try:
            counted = database.query(f"select count(*) from {table.sql}", Bounds(1, _COUNT_SECONDS), cancellation)
        except QueryBoundError:
            return table
        rows = counted.table.column(0)[0].as_py()
    return TableInfo(
        name=table.name,
        sql=table.sql,
        kind=table.kind,
        rows=rows,
        is_exact=True,
        columns=table.columns,
        comment=table.comment,
    )


def _few_values(table: pa.Table) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = [value for value in pc.unique(column).to_pylist() if value is not None]
            if 0 < len(values) <= _FEW_VALUES:
                found[name] = tuple(sorted(values))
    return found


def _in_the_whole_table(
    database: Database, table: TableInfo, values: dict[str, tuple[str, ...]], cancellation: Cancellation | None
) -> dict[str, tuple[str, ...]]:
    """For columns with few values in the first rows, the values in all rows, where finding them is quick."""
    found = dict(values)
    for column in values:
        sql = f"select distinct {quoted(column)} from {table.sql} limit {_FEW_VALUES + 2}"
        try:
            result = database.query(sql, Bounds(_FEW_VALUES + 2, _COUNT_SECONDS), cancellation)
        except QueryBoundError:
            break
        found.pop(column)
        found |= _few_values(result.table)
    return found


class WorkerDatabase:
    """The data of a connection, queried in its own processes."""

    def __init__(
        self,
        connection: Connection,
        *,
        own: OwnFiles | None = None,
        memory_mib: int = MEMORY_MIB,
        workers: Workers = WORKERS,
    ) -> None:
        """``own`` files are not read from a connected folder, by whatever path."""
        self.connection = connection
        self._memory_mib = memory_mib
        self._workers = workers
        self._source = DataSource(connection.kind.value, connection.address, connection.redacted, own)

    @property
    def name(self) -> str:
        """See Database."""
        return self.connection.name

    @property
    def dialect(self) -> Dialect:
        """See Database."""
        return self.connection.kind.dialect

    def test(self) -> str:
        """See Database."""
        return str(self._asked({"op": "summary"}, CATALOG_SECONDS)[0]["summary"])

    def tables(self) -> tuple[TableInfo, ...]:
        """See Database."""
        return tables_from(self._asked({"op": "tables"}, CATALOG_SECONDS)[0]["tables"])

    def query(self, sql: str, bounds: Bounds | None = None, cancellation: Cancellation | None = None) -> QueryResult:
        """See Database."""
        bounds, cancellation = bounds or Bounds(), cancellation or Cancellation()
        with self._workers.worker(self._source, cancellation, self._memory_mib) as worker:
            return ask(worker, sql, bounds, cancellation)

    def close(self) -> None:
        """End its processes and the queries they run."""
        self._workers.close(self._source)

    def _asked(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        with self._workers.worker(self._source, Cancellation(), self._memory_mib) as worker:
            return worker.ask(request, seconds)


def ask(worker: WorkerProcess, sql: str, bounds: Bounds, cancellation: Cancellation, **more: object) -> QueryResult:
    """Have a worker run a query. ``more`` is added to the request."""
    header, payload = worker.ask({"op": "query", "sql": sql, **asdict(bounds), **more}, bounds.seconds, cancellation)
    table = pa.ipc.open_stream(payload).read_all()
    return QueryResult(sql, table, header["seconds"], bounds, header["cut"])


def tables_from(rows: list[dict[str, Any]]) -> tuple[TableInfo, ...]:
    """Parse the tables that an engine lists."""
    return tuple(
        TableInfo(
            name=row["name"],
            sql=row["sql"],
            kind=row["kind"],
            rows=row["rows"],
            is_exact=row["exact"],
            columns=tuple(Column(**column) for column in row["columns"]),
            comment=row["comment"],
        )
        for row in rows
    )
