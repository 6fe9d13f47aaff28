"""SQLite files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from colloquy.agents.data.engines.base import MAX_TABLES, Row, add_columns, quoted, require_file, table_row
from colloquy.agents.data.guard.bounds import MEBIBYTE, Bounds, Cut, Deadline, EngineError, collect, too_big
from colloquy.agents.data.guard.functions import ALLOWED, Dialect
from colloquy.agents.data.guard.guard import Statement
from session_store.phrases import counted

_BATCH_ROWS: Final = 500
_STEPS_BETWEEN_LOOKS: Final = 10_000
_BUSY_SECONDS: Final = 5.0
_COUNT_BELOW_BYTES: Final = 256 * MEBIBYTE

_TABLES: Final = r"""
select name, type from pragma_table_list
where schema = 'main' and type in ('table', 'view', 'virtual') and name not like 'sqlite\_%' escape '\'
order by name limit ?
"""
_PERMITTED: Final = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: 16 * MEBIBYTE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 * MEBIBYTE,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


class SqliteEngine:
    """A SQLite file."""

    dialect: Dialect = "sqlite"

    def __init__(self, setup: dict[str, Any]) -> None:
        self._path = Path(setup["address"])
        self._memory: int = setup["memory_mib"]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        require_file(self._path, "-wal", "-shm", "-journal")
        try:
            address = self._path.resolve().as_uri() + "?mode=ro"
            connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise self._not_opened(error) from error
        with closing(connection):
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            try:
                for pragma in (
                    "query_only = on",
                    "trusted_schema = off",
                    "cell_size_check = on",
                    "temp_store = memory",
                    f"hard_heap_limit = {self._memory * MEBIBYTE}",
                    "schema_version",  # the first read of the file: fails here if it is no database
                ):
                    connection.execute(f"pragma {pragma}").fetchall()
            except sqlite3.Error as error:
                raise self._not_opened(error) from error
            yield connection

    def _not_opened(self, error: sqlite3.Error) -> EngineError:
        return EngineError("unavailable", f"{self._path} could not be opened as a SQLite database: {error}.")

    def summary(self) -> str:
        """See Engine."""
        return f"A SQLite database with {counted(len(self.tables()), 'table')}."

    def tables(self) -> list[Row]:
        """See Engine. Rows are counted only where the file is small enough for that to be quick."""
        with self._opened() as connection:
            found = connection.execute(
                _TABLES,
                [MAX_TABLES],
            ).fetchall()
            is_small = self._path.stat().st_size < _COUNT_BELOW_BYTES
            tables: list[Row] = []
            columns: list[tuple[None, str, str, str, None]] = []
            for name, kind in found:
                rows = _count(connection, name) if is_small and kind == "table" else None
                tables.append(table_row(None, name, kind, rows, None, exact=rows is not None))
                declared = connection.execute("select name, type from pragma_table_xinfo(?)", [name]).fetchall()
                columns.extend((None, name, column, type_name or "any", None) for column, type_name in declared)
            return add_columns(tables, columns)

    def run(self, statement: Statement, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
        """See Engine."""
        with self._opened() as connection:
            for limit, value in _LIMITS.items():
                connection.setlimit(limit, value)
            connection.set_authorizer(_authorize)
            deadline = Deadline(bounds.seconds)
            connection.set_progress_handler(lambda: deadline.has_passed, _STEPS_BETWEEN_LOOKS)
            try:
                return _fetch(connection.execute(statement.sql), bounds, deadline)
            except MemoryError as error:
                raise EngineError("memory", too_big(self._memory)) from error
            except (sqlite3.Error, sqlite3.Warning, pa.ArrowException, OverflowError) as error:
                if deadline.has_passed:
                    raise deadline.error() from error
                raise EngineError("failed", _explained(error)) from error

    def cancel(self) -> None:
        """See Engine."""


def _authorize(action: int, _first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    if action in _PERMITTED:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and second and second.lower() in ALLOWED["sqlite"] | {"->", "->>"}:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _count(connection: sqlite3.Connection, name: str) -> int | None:
    try:
        return int(connection.execute(f"select count(*) from {quoted(name)}").fetchone()[0])
    except sqlite3.Error:
        return None  # a virtual table whose module is missing; it is listed all the same


def _explained(error: Exception) -> str:
    message = str(error)
    if "not authorized" in message or "prohibited" in message:
        return f"SQLite refused the query: {message}. The data is open for reading only."
    if "too big" in message:
        return "A text or blob exceeded the limit of 16 MB."
    return message


def _fetch(cursor: sqlite3.Cursor, bounds: Bounds, deadline: Deadline) -> tuple[pa.Table, Cut | None]:
    names = [column[0] for column in cursor.description or ()]
    columns: list[list[Any]] = [[] for _ in names]
    size = 0
    while size <= bounds.result_bytes and (not columns or len(columns[0]) <= bounds.rows):
        rows = cursor.fetchmany(_BATCH_ROWS)
        if not rows:
            break
        if deadline.has_passed:
            raise deadline.error()
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
            size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in values)
    arrays = [_array(column) for column in columns]
    batch = pa.RecordBatch.from_arrays(arrays, names)
    return collect([batch], batch.schema, bounds)


def _array(values: list[Any]) -> pa.Array:
    """A column in SQLite may hold values of any type. Values of a single type keep it; otherwise all become text."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if len(kinds) <= 1:
        return pa.array(values, None if kinds else pa.null())
    return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return value.hex() if isinstance(value, bytes) else str(value)
