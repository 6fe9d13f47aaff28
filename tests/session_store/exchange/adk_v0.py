"""Databases as created by early versions of ADK."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

FIRST_COLUMNS = """
    id varchar, app_name varchar, user_id varchar, session_id varchar, invocation_id varchar, author varchar,
    branch varchar, timestamp datetime, content text, actions blob
"""
"""Columns of an event in ADK 0.1."""

LATER_COLUMNS = (
    FIRST_COLUMNS
    + """,
    long_running_tool_ids_json text, grounding_metadata text, partial boolean, turn_complete boolean,
    error_code varchar, error_message varchar, interrupted boolean
"""
)


class Database:
    """A SQLite file filled as by one of ADK's versions."""

    def __init__(self, path, columns=LATER_COLUMNS, *, states=True):
        self.path = path
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "create table sessions (app_name varchar, user_id varchar, id varchar, state text, "
                "create_time datetime, update_time datetime)"
            )
            connection.execute(f"create table events ({columns})")
            if states:
                connection.execute("create table app_states (app_name varchar, state text, update_time datetime)")
                connection.execute(
                    "create table user_states (app_name varchar, user_id varchar, state text, update_time datetime)"
                )

    def insert(self, table, **values):
        names = ", ".join(values)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(
                f"insert into {table} ({names}) values ({', '.join('?' * len(values))})", list(values.values())
            )

    def session(self, begin, events, *, hours=0.0, session_id="s-1", updated=None, **values):
        """A session created at a UTC time, with events at offsets in seconds on a clock that many hours from UTC."""
        created = datetime.fromisoformat(begin)
        times = [created + timedelta(seconds=seconds) for seconds, *_ in events]
        self.insert(
            "sessions",
            **{
                "app_name": "garden",
                "user_id": "user",
                "id": session_id,
                "state": "{}",
                "create_time": begin,
                "update_time": str(times[-1] if updated is None else created + timedelta(seconds=updated)),
                **values,
            },
        )
        for number, (at, (_, author, said, *more)) in enumerate(zip(times, events, strict=True)):
            self.insert(
                "events",
                **{
                    "id": f"{session_id}-{number}",
                    "app_name": "garden",
                    "user_id": "user",
                    "session_id": session_id,
                    "invocation_id": "i-1",
                    "author": author,
                    "timestamp": (at + timedelta(hours=hours)).isoformat(" ", "microseconds"),
                    "content": json.dumps({"role": "user" if author == "user" else "model", "parts": [{"text": said}]}),
                    **(more[0] if more else {}),
                },
            )
