"""Colloquy's own conversations, queried in separate processes over copies of the database.

While the app has the database open, DuckDB lets no other process open it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from pydantic import SecretStr

from colloquy.agents.data.database import ask, tables_from
from colloquy.agents.data.engines.duckdb_engine import tables_of
from colloquy.agents.data.errors import ConnectionUnavailableError, DataError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.guard.functions import Dialect
from colloquy.agents.data.results import QueryResult, TableInfo
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.agents.data.workers.pool import MEMORY_MIB, WORKERS, Workers
from colloquy.agents.data.workers.process import DataSource, WorkerProcess
from session_store import Store
from session_store.errors import ColloquyError
from session_store.history.filters import HistoryFilter
from session_store.phrases import counted
from session_store.snapshots.current_copy import CurrentCopy

# The same for every store: each query says which copy to open.
_SOURCE: Final = DataSource("history", SecretStr(""))
_PREFIX: Final = "history."


class HistoryDatabase:
    """See Database. A ``scope`` limits it to some of the conversations."""

    dialect: Dialect = "duckdb"

    def __init__(
        self,
        name: str,
        store: Store,
        scope: HistoryFilter | None = None,
        *,
        memory_mib: int = MEMORY_MIB,
        workers: Workers = WORKERS,
    ) -> None:
        self.name = name
        self._store = store
        self._scope = scope.as_json() if scope else ""
        self._memory_mib = memory_mib
        self._workers = workers

    def test(self) -> str:
        """See Database."""
        return f"{counted(len(self.tables()), 'table')} of {self.name}."

    def tables(self) -> tuple[TableInfo, ...]:
        """See Database. Reads the store itself, because listing tables runs no user's query."""
        with self._store.cursor() as cursor:
            tables = tables_from(tables_of(cursor))
        inside = (table for table in tables if table.name.startswith(_PREFIX))
        return tuple(replace(table, name=table.name.removeprefix(_PREFIX)) for table in inside)

    def query(self, sql: str, bounds: Bounds | None = None, cancellation: Cancellation | None = None) -> QueryResult:
        """See Database. The result says when the copy was taken."""
        bounds, cancellation = bounds or Bounds(), cancellation or Cancellation()
        with self._asked(cancellation) as (worker, copy):
            result = ask(worker, sql, bounds, cancellation, address=str(copy.path), scope=self._scope)
            return replace(result, as_of=copy.taken_at)

    def close(self) -> None:
        """End the running queries."""
        self._workers.end(_SOURCE)

    @contextmanager
    def _asked(self, cancellation: Cancellation) -> Iterator[tuple[WorkerProcess, CurrentCopy]]:
        try:
            # The copy is made when it is the query's turn, however long the wait was.
            with (
                self._workers.worker(_SOURCE, cancellation, self._memory_mib) as worker,
                self._store.current_copy() as copy,
            ):
                yield worker, copy
        except DataError:
            raise
        except ColloquyError as error:
            raise ConnectionUnavailableError(str(error)) from error
