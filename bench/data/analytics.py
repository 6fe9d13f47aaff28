"""The same rows three times: in the store, in SQLite with the same tables, and as ADK's own SQLite service stores
them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from google.adk.sessions.sqlite_session_service import CREATE_SCHEMA_SQL

from colloquy.demo import fill
from colloquy.runtime.application import DATABASE

ROWS = 20_000
Row = tuple[Any, ...]

SAME_TABLES = """
create table sessions (session_no integer primary key, app_name text, user_id text, id text, title text, model text,
    workspace_id text, saved integer, created_at real, updated_at real, deleted_at real);
create table events (seq integer primary key, session_no integer, id text, invocation_id text, author text,
    timestamp real, text text, model text, input_tokens integer, output_tokens integer, tool_calls text,
    tool_results text, tool_errors text, rewound integer, data text);
create table turns (id text primary key, session_no integer, status text, created_at real, started_at real,
    first_token_at real, ended_at real, rewound integer);
"""
INDEXES = "create index events_session on events(session_no); create index turns_session on turns(session_no); analyze;"


def store_file(folder: Path, sessions: int, messages: int) -> Path:
    """Returns a file of demo conversations as the app stores them."""
    path = folder / "store" / DATABASE
    fill(path, sessions=sessions, messages=messages, until=datetime.now(UTC).date())
    return path


def same_rows(store: Path, target: Path) -> Path:
    """Copies the rows to the same tables in SQLite; lists of names become JSON."""
    with duckdb.connect(str(store), read_only=True) as source, sqlite3.connect(target) as copy:
        copy.executescript(SAME_TABLES)
        for table in ("sessions", "events", "turns"):
            columns = [row[1] for row in copy.execute(f"pragma table_info({table})")]
            marks = ", ".join("?" * len(columns))
            for rows in _rows(source, f"select {', '.join(columns)} from {table}"):
                copy.executemany(f"insert into {table} values ({marks})", map(_plain, rows))
        copy.executescript(INDEXES)
    copy.close()
    return target


def adk_rows(store: Path, target: Path) -> Path:
    """Copies the conversations to the tables of ADK's SqliteSessionService."""
    with duckdb.connect(str(store), read_only=True) as source, sqlite3.connect(target) as copy:
        copy.executescript(CREATE_SCHEMA_SQL)
        sessions = "select app_name, user_id, id, state, created_at, updated_at from sessions where deleted_at is null"
        for rows in _rows(source, sessions):
            copy.executemany("insert into sessions values (?, ?, ?, ?, ?, ?)", rows)
        events = (
            "select e.id, app_name, user_id, s.id, invocation_id, timestamp, data "
            "from events e join sessions s using (session_no) where deleted_at is null and not rewound order by seq"
        )
        for rows in _rows(source, events):
            copy.executemany("insert into events values (?, ?, ?, ?, ?, ?, ?)", rows)
        copy.execute("analyze")
    copy.close()
    return target


def _rows(source: duckdb.DuckDBPyConnection, sql: str) -> Iterator[list[Row]]:
    found = source.execute(sql)
    while rows := found.fetchmany(ROWS):
        yield rows


def _plain(row: Row) -> Row:
    return tuple(json.dumps(value) if isinstance(value, list) else value for value in row)
