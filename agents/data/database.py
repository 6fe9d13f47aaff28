"""Databases to ask: what is in them, and queries within bounds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from agents.data.bounds import Bounds
from agents.data.connection import Connection
from agents.data.engines.base import quoted
from agents.data.errors import QueryBoundError, QueryStoppedError, UnknownTableError
from agents.data.functions import Dialect
from agents.data.results import Column, QueryResult, TableDescription, TableInfo
from agents.data.stopping import Stop
from agents.data.worker_process import WorkerProcess

MEMORY_MIB: Final = 512
CATALOG_SECONDS: Final = 20.0
IDLE_SECONDS: Final = 120.0
"""How long a worker without work is kept, so that the next query need not wait for a start."""

_MOST_WORKERS: Final = 3
_MOST_THREADS: Final = 4
_LOOKED_AT_ROWS: Final = 5_000
_SAMPLE_ROWS: Final = 5
_FEW_VALUES: Final = 12
_COUNT_SECONDS: Final = 5.0


class Database(Protocol):
    """Something that can be asked in SQL, read only. All methods are thread-safe, block, and raise DataError."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def dialect(self) -> Dialect:
        """The SQL that it speaks."""
        ...

    def test(self) -> str:
        """Look whether it can be asked, and say in a sentence what was found."""
        ...

    def tables(self) -> tuple[TableInfo, ...]:
        """Its tables, views and files by name."""
        ...

    def query(self, sql: str, bounds: Bounds | None = None, stop: Stop | None = None) -> QueryResult:
        """Run one reading statement. Raises SqlRefusedError, SqlFailedError, QueryBoundError, QueryStoppedError."""
        ...


def describe(database: Database, name: str, stop: Stop | None = None) -> TableDescription:
    """A table with its count, first rows and common values.

    Raises:
        UnknownTableError: names the tables that there are.
    """
    tables = database.tables()
    wanted = name.replace('"', "").strip().casefold()
    table = next((table for table in tables if table.name.casefold() == wanted), None)
    if table is None:
        raise UnknownTableError(
            f"There is no table {name!r}. There are: {', '.join(table.name for table in tables) or 'none'}."
        )
    looked_at = database.query(f"select * from {table.sql} limit {_LOOKED_AT_ROWS}", Bounds(rows=_LOOKED_AT_ROWS), stop)
    if not table.is_exact:
        table = _counted(database, table, looked_at, stop)
    values = _few_values(looked_at.table)
    if looked_at.rows != table.rows:
        values = _in_the_whole_table(database, table, values, stop)
    return TableDescription(table, looked_at.table.slice(0, _SAMPLE_ROWS), values)


def _counted(database: Database, table: TableInfo, looked_at: QueryResult, stop: Stop | None) -> TableInfo:
    """The table with an exact count, unless counting takes too long."""
    rows: int | None = looked_at.rows
    if looked_at.cut or looked_at.rows == _LOOKED_AT_ROWS:
        try:
            counted = database.query(f"select count(*) from {table.sql}", Bounds(1, _COUNT_SECONDS), stop)
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
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)  # noqa: PLW2901 - the same column, as text
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = [value for value in pc.unique(column).to_pylist() if value is not None]
            if 0 < len(values) <= _FEW_VALUES:
                found[name] = tuple(sorted(values))
    return found


def _in_the_whole_table(
    database: Database, table: TableInfo, values: dict[str, tuple[str, ...]], stop: Stop | None
) -> dict[str, tuple[str, ...]]:
    """The values of the columns that have few in the first rows, from all rows where finding them is quick."""
    found = dict(values)
    for column in values:
        sql = f"select distinct {quoted(column)} from {table.sql} limit {_FEW_VALUES + 2}"
        try:
            result = database.query(sql, Bounds(_FEW_VALUES + 2, _COUNT_SECONDS), stop)
        except QueryBoundError:
            break
        found.pop(column)
        found |= _few_values(result.table)
    return found


class WorkerDatabase:
    """The data of a connection, asked in processes of its own.

    A query that hangs, crashes or takes too much memory ends with its process; the next one gets a new process.
    At most three queries run at once, further ones wait.
    """

    def __init__(self, connection: Connection, *, memory_mib: int = MEMORY_MIB) -> None:
        self.connection = connection
        self._memory_mib = memory_mib
        self._lock = threading.Lock()
        self._idle: WorkerProcess | None = None
        self._busy: set[WorkerProcess] = set()
        self._timer: threading.Timer | None = None
        self._is_closed = False
        self._places = threading.BoundedSemaphore(_MOST_WORKERS)

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
        with self._worker() as worker:
            return str(worker.ask({"op": "summary"}, CATALOG_SECONDS)[0]["summary"])

    def tables(self) -> tuple[TableInfo, ...]:
        """See Database."""
        with self._worker() as worker:
            return tables_from(worker.ask({"op": "tables"}, CATALOG_SECONDS)[0]["tables"])

    def query(self, sql: str, bounds: Bounds | None = None, stop: Stop | None = None) -> QueryResult:
        """See Database."""
        bounds = bounds or Bounds()
        started = time.perf_counter()
        request = {
            "op": "query",
            "sql": sql,
            "rows": bounds.rows,
            "seconds": bounds.seconds,
            "result_bytes": bounds.result_bytes,
        }
        with self._worker(stop) as worker:
            header, payload = worker.ask(request, bounds.seconds, stop)
        table = pa.ipc.open_stream(payload).read_all()
        return QueryResult(sql, table, time.perf_counter() - started, bounds, header["cut"])

    def close(self) -> None:
        """End its processes, and with them what they do."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, None
            busy = list(self._busy)
            self._cancel_timer()
        for worker in busy:
            worker.end()
        if idle is not None:
            idle.close()

    @contextmanager
    def _worker(self, stop: Stop | None = None) -> Iterator[WorkerProcess]:
        with self._places:
            if stop is not None and stop.is_set:
                raise QueryStoppedError("The query was stopped before it began.")
            worker = self._taken()
            try:
                yield worker
            finally:
                self._give_back(worker)

    def _taken(self) -> WorkerProcess:
        with self._lock:
            worker, self._idle = self._idle, None
            self._cancel_timer()
            if worker is None or not worker.is_alive:
                worker = self._started()
            self._is_closed = False
            self._busy.add(worker)
            return worker

    def _started(self) -> WorkerProcess:
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
        return WorkerProcess(self.connection, memory_mib=self._memory_mib, threads=threads)

    def _give_back(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._busy.discard(worker)
            if self._idle is None and not self._is_closed:
                # After one that a query ended, the next is started at once, so that nobody has to wait for it.
                kept = worker if worker.is_alive else self._started()
                self._idle = kept
                self._timer = threading.Timer(IDLE_SECONDS, self._close_idle, [kept])
                self._timer.daemon = True
                self._timer.start()
                if kept is worker:
                    return
        worker.close()

    def _close_idle(self, worker: WorkerProcess) -> None:
        with self._lock:
            if self._idle is not worker:
                return
            self._idle = None
        worker.close()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def tables_from(rows: list[dict[str, Any]]) -> tuple[TableInfo, ...]:
    """The tables that an engine lists."""
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
