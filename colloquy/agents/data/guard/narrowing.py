"""Narrows Colloquy's own conversations to a scope, for one query, beneath everything that the query can name.

The query runs in an in-memory database whose views have the same names and definitions, over tables that contain only
the chosen sessions. The store itself can only be reached through the name of its database, which Scope refuses.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import duckdb

from colloquy.agents.data.engines.base import quoted
from colloquy.agents.data.engines.duckdb_engine import plain
from colloquy.agents.data.guard.bounds import EngineError
from session_store.history.filters import HistoryFilter, condition

Narrowing = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[None]]
"""Narrows what a cursor sees while the block runs. Raises EngineError."""

_ATTEMPTS: Final = 5
_SHARED: Final = ("workspaces",)
"""Tables that the views read and that belong to no session."""

_DATED: Final = """(
    select s.* replace (greatest(e.timestamp, s.updated_at) as updated_at) from sessions s left join (
        select session_no, arg_max(timestamp, seq) as timestamp from events group by session_no
    ) e using (session_no)
)"""
"""Sessions with their update times, which the store writes late."""
_VISIBLE: Final = {
    "events": "not copied and timestamp >= {begin} and timestamp < {end}",
    "turns": "not copied and created_at >= {begin} and created_at < {end}",
    "feedback": """given_at >= {begin} and given_at < {end} and not exists (
        select 1 from {main}.events e
        where e.session_no = feedback.session_no and e.id = feedback.event_id and e.rewound
    )""",
}
"""What figures of a period count. What a branch copied counts in its original conversation."""


def narrowing(scope: HistoryFilter) -> Narrowing:
    """Return a context manager that narrows a cursor of the store to a scope. The cursor must already resolve names in
    the views' schema."""

    @contextmanager
    def narrowed(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        [[store, schema]] = cursor.execute("select current_database(), current_schema()").fetchall()
        name = f"scope_{uuid.uuid4().hex}"
        try:
            cursor.execute(f"attach ':memory:' as {name}")
            try:
                _lay_out(cursor, scope, store, schema, name)
                yield
            finally:
                _leave(cursor, f"{quoted(store)}.{quoted(schema)}", name)
        except duckdb.Error as error:
            raise EngineError("failed", f"The conversations could not be narrowed: {plain(error)}") from error

    return narrowed


def _lay_out(cursor: duckdb.DuckDBPyConnection, scope: HistoryFilter, store: str, schema: str, name: str) -> None:
    main = f"{quoted(store)}.main"
    values: dict[str, Any] = {}
    chosen = condition(scope, values)
    sessions = "sessions" if scope.since is None and scope.until is None else _DATED
    cursor.execute(f"use {main}")  # names within the condition resolve here
    cursor.execute(
        f"create table {name}.chosen as select session_no from {sessions} s where s.deleted_at is null and {chosen}",
        values,
    )
    for table in _tables_with_sessions(cursor, store):
        cursor.execute(f"create view {name}.main.{table} as {_rows_of(table, scope, main, name)}")
    for table in _SHARED:
        cursor.execute(f"create view {name}.main.{table} as from {main}.{table}")
    views = cursor.execute(
        "select sql from duckdb_views() where database_name = $1 and schema_name = $2", [store, schema]
    ).fetchall()
    cursor.execute(f"create schema {name}.{quoted(schema)}")
    cursor.execute(f"use {name}.main")  # from here on, names within the definitions resolve here
    for (definition,) in views:
        cursor.execute(definition)
    cursor.execute(f"use {name}.{quoted(schema)}")


def _tables_with_sessions(cursor: duckdb.DuckDBPyConnection, store: str) -> list[str]:
    rows = cursor.execute(
        "select table_name from duckdb_columns() "
        "where database_name = $1 and schema_name = 'main' and column_name = 'session_no'",
        [store],
    ).fetchall()
    return [quoted(table) for (table,) in rows]


def _rows_of(table: str, scope: HistoryFilter, main: str, name: str) -> str:
    rows = f"select * from {main}.{table} where session_no in (select session_no from {name}.chosen)"
    visible = _VISIBLE.get(table.strip('"'))
    if scope.within is None or visible is None:
        return rows
    begin, end = map(float, scope.within)
    return f"{rows} and {visible.format(main=main, begin=begin, end=end)}"


def _leave(cursor: duckdb.DuckDBPyConnection, home: str, name: str) -> None:
    """End the narrowing. A late interruption can hit these statements, so they are retried."""
    for statement in (f"use {home}", f"detach {name}"):
        for attempt in range(_ATTEMPTS):
            try:
                cursor.execute(statement)
                break
            except duckdb.InterruptException:
                if attempt == _ATTEMPTS - 1:
                    raise
