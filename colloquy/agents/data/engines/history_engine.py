"""Colloquy's own conversations, in a copy of its database that nothing writes to: its views, or a part of their
rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import duckdb
import pyarrow as pa

from colloquy.agents.data.engines.duckdb_engine import DuckDbEngine, configuration, lock, not_opened, run_on, text
from colloquy.agents.data.guard.bounds import Bounds, Cut, EngineError
from colloquy.agents.data.guard.guard import Statement
from colloquy.agents.data.guard.narrowing import narrowing
from colloquy.agents.data.guard.scope import Scope
from session_store.history.filters import HistoryFilter

_STORE: Final = "colloquy"
_SCHEMA: Final = "history"


class HistoryEngine(DuckDbEngine):
    """Exposes only the views. A ``scope`` (see HistoryFilter) limits them to a part of their rows."""

    def __init__(self, setup: dict[str, Any]) -> None:
        super().__init__(setup)
        self._narrow = narrowing(HistoryFilter.of_json(setup["scope"])) if setup.get("scope") else None

    @contextmanager
    def _opened(self, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: ARG002 - the folder needs it
        # Narrowing creates tables in memory, which a DuckDB instance opened read-only cannot do.
        with duckdb.connect(":memory:", config=configuration(self._memory, self._threads)) as connection:
            try:
                connection.execute(f"attach {text(self._path)} as {_STORE} (read_only)")
            except duckdb.Error as error:
                raise not_opened(self._path, error) from error
            lock(connection, [])
            connection.execute(f"use {_STORE}.{_SCHEMA}")
            yield connection

    def run(self, statement: Statement, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
        """See Engine."""
        with self._opened(statement.sql) as connection:
            scope = _scope(connection)
            scope.check(statement)
            with self._narrow(connection) if self._narrow else nullcontext():
                try:
                    return run_on(connection, scope.listing(statement), bounds, self._memory)
                except EngineError as error:
                    raise EngineError(error.kind, scope.without_hints(str(error))) from error


def _scope(connection: duckdb.DuckDBPyConnection) -> Scope:
    found = connection.execute(
        "select schema_name, table_name from duckdb_tables() "
        "union all select schema_name, view_name from duckdb_views()"
    ).fetchall()
    inside = {name.lower() for place, name in found if place == _SCHEMA}
    databases = connection.execute("select database_name from duckdb_databases()").fetchall()
    return Scope(
        _SCHEMA,
        others=frozenset(name.lower() for _, name in found) - inside,
        databases=frozenset(name.lower() for (name,) in databases),
    )
