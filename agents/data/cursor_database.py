"""A DuckDB database that this process has open already (Colloquy's own conversations), asked through its cursors.

DuckDB lets no second process in, so queries run here: behind the guard, in transactions that only read, and
interrupted after their time. What the engine's locks allow is for whoever opened the database to decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import duckdb

from agents.data.bounds import Bounds, EngineError
from agents.data.database import MEMORY_MIB, tables_from
from agents.data.engines.duckdb_engine import plain, run_on, tables_of
from agents.data.errors import QueryBoundError, QueryStoppedError, SqlFailedError, SqlRefusedError
from agents.data.functions import Dialect
from agents.data.guard import Refusal, check
from agents.data.narrowing import Narrowing
from agents.data.results import QueryResult, TableInfo
from agents.data.scope import Scope
from agents.data.stopping import Stop
from session_store.phrases import counted


class CursorDatabase:
    """See Database. ``new_cursor`` gives a cursor for one call. With a ``schema`` only its tables can be seen and read;
    the cursor has to look for names there. ``narrow`` leaves a part of their rows to be seen."""

    dialect: Dialect = "duckdb"

    def __init__(
        self,
        name: str,
        new_cursor: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
        *,
        schema: str | None = None,
        narrow: Narrowing | None = None,
    ) -> None:
        self.name = name
        self._new_cursor = new_cursor
        self._schema = schema
        self._narrow = narrow

    def test(self) -> str:
        """See Database."""
        return f"{counted(len(self.tables()), 'table')} of {self.name}."

    def tables(self) -> tuple[TableInfo, ...]:
        """See Database."""
        with self._new_cursor() as cursor:
            tables = tables_from(tables_of(cursor))
        if self._schema is None:
            return tables
        prefix = f"{self._schema}."
        inside = (table for table in tables if table.name.startswith(prefix))
        return tuple(replace(table, name=table.name.removeprefix(prefix)) for table in inside)

    def query(self, sql: str, bounds: Bounds | None = None, stop: Stop | None = None) -> QueryResult:
        """See Database."""
        bounds, stop = bounds or Bounds(), stop or Stop()
        started = time.perf_counter()
        try:
            statement = check(sql, self.dialect)
            with self._new_cursor() as cursor, stop.interrupts(cursor.interrupt):
                if self._schema is not None:
                    _scope(cursor, self._schema).check(statement)
                with self._narrow(cursor) if self._narrow else nullcontext():
                    table, cut = run_on(cursor, statement, bounds, MEMORY_MIB)
        except Refusal as refusal:
            raise SqlRefusedError(str(refusal)) from None
        except (EngineError, duckdb.Error) as error:
            if stop.is_set:
                raise QueryStoppedError("The query was stopped.") from error
            if isinstance(error, duckdb.Error):
                raise SqlFailedError(plain(error)) from error
            kind = SqlFailedError if error.kind == "failed" else QueryBoundError
            raise kind(str(error)) from error
        return QueryResult(sql, table, time.perf_counter() - started, bounds, cut)


def _scope(cursor: duckdb.DuckDBPyConnection, schema: str) -> Scope:
    found = cursor.execute(
        "select schema_name, table_name from duckdb_tables() "
        "union all select schema_name, view_name from duckdb_views()"
    ).fetchall()
    inside = {name.lower() for place, name in found if place == schema}
    databases = cursor.execute("select database_name from duckdb_databases()").fetchall()
    return Scope(
        schema,
        others=frozenset(name.lower() for _, name in found) - inside,
        databases=frozenset(name.lower() for (name,) in databases),
    )
