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
from colloquy.agents.data.history_scope import HistoryScope
from session_store.history.words import all_in, words_of
from session_store.sessions.status import STATE, STATUS, TURN_STATES

Narrowing = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[None]]
"""Narrows what a cursor sees while the block runs. Raises EngineError."""

_ATTEMPTS: Final = 5
_HAPPENED: Final = {"events": "timestamp", "turns": "created_at", "feedback": "given_at"}
"""The column that says when a row of these tables came into being."""

_SHARED: Final = ("workspaces",)
"""Tables that the views read and that belong to no session."""

_STANDS: Final = f"""(select {{what}} from (
    select {TURN_STATES} from {{{{main}}}}.turns where session_no = s.session_no and not rewound
) t)"""
_STATE: Final = _STANDS.format(what=STATE)
_STATUS: Final = _STANDS.format(what=STATUS)
_UPDATED: Final = """greatest(
    (select arg_max(timestamp, seq) from {main}.events e where e.session_no = s.session_no), s.updated_at
)"""
_WORDS: Final = """({title} or s.session_no in (
    select session_no from {main}.events where not rewound and ({text} or {tool})
))"""
_CONDITIONS: Final = {
    "workspace_ids": "list_contains($workspace_ids::varchar[], s.workspace_id)",
    "agents": "list_contains($agents::varchar[], s.app_name)",
    "models": "list_contains($models::varchar[], s.model)",
    "users": "list_contains($users::varchar[], s.user_id)",
    "saved": "s.saved = $saved",
    "tags": """s.session_no in (
        select session_no from {main}.tags where list_contains($tags::varchar[], lower(tag))
    )""",
    "statuses": f"list_contains($statuses::varchar[], {_STATUS})",
    "states": f"list_contains($states::varchar[], {_STATE})",
    "since": f"{_UPDATED} >= $since",
    "until": f"{_UPDATED} < $until",
    "feedback": """s.session_no in (
        select f.session_no from {main}.feedback f
        join {main}.events e on e.session_no = f.session_no and e.id = f.event_id
        where not e.rewound and f.score = $feedback
    )""",
    "answered_by": """(s.session_no in (
        select session_no from {main}.events where not rewound and list_contains($answered_by::varchar[], model)
    ) or s.session_no in (
        select session_no from {main}.turns where not rewound and list_contains($answered_by::varchar[], model)
    ))""",
    "turn_statuses": """s.session_no in (
        select session_no from {main}.turns where not rewound and list_contains($turn_statuses::varchar[], status)
    )""",
    "within": """(s.created_at >= $within[1] and s.created_at < $within[2] or s.session_no in (
        select session_no from {main}.events where not rewound and timestamp >= $within[1] and timestamp < $within[2]
    ) or s.session_no in (
        select session_no from {main}.turns where not rewound and created_at >= $within[1] and created_at < $within[2]
    ))""",
}


def narrowing(scope: HistoryScope) -> Narrowing:
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


def _lay_out(cursor: duckdb.DuckDBPyConnection, scope: HistoryScope, store: str, schema: str, name: str) -> None:
    main = f"{quoted(store)}.main"
    condition, values = _condition(scope)
    cursor.execute(
        f"create table {name}.chosen as select session_no from {main}.sessions s where {condition.format(main=main)}",
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


def _condition(scope: HistoryScope) -> tuple[str, dict[str, Any]]:
    """The condition on a row of ``sessions s``; the caller replaces ``{main}`` with the schema of the tables."""
    values = scope.as_state()
    words = words_of(str(values.pop("text", "")))
    if "tags" in values:
        values["tags"] = [tag.lower() for tag in values["tags"]]
    if "feedback" in values:
        values["feedback"] = 1 if scope.feedback == "up" else -1
    terms = ["s.deleted_at is null", *(_CONDITIONS[name] for name in values)]
    if words:
        title, text, tool = (all_in(column, words, values) for column in ("s.title", "text", "tool_text"))
        terms.append(_WORDS.format(title=title, text=text, tool=tool, main="{main}"))
    return " and ".join(terms), values


def _tables_with_sessions(cursor: duckdb.DuckDBPyConnection, store: str) -> list[str]:
    rows = cursor.execute(
        "select table_name from duckdb_columns() "
        "where database_name = $1 and schema_name = 'main' and column_name = 'session_no'",
        [store],
    ).fetchall()
    return [quoted(table) for (table,) in rows]


def _rows_of(table: str, scope: HistoryScope, main: str, name: str) -> str:
    rows = f"select * from {main}.{table} where session_no in (select session_no from {name}.chosen)"
    happened = _HAPPENED.get(table.strip('"'))
    if scope.within is None or happened is None:
        return rows
    begin, end = scope.within
    return f"{rows} and {happened} >= {float(begin)!r} and {happened} < {float(end)!r}"


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
