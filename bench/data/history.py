"""The rows that bench.history measures on: demo conversations in which no message repeats, and copies in SQLite."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb
from google.adk.sessions.sqlite_session_service import SqliteSessionService

from colloquy.demo import fill

SYLLABLES = ["ka", "lo", "mi", "ter", "san", "ver", "do", "pi", "nu", "ra", "el", "sto", "bre", "quin", "tal", "mor"]
VOCABULARY = 6_000
RARE, FREQUENT = "narwhal", "the"
FEW = 40
"""Messages that contain the rare word."""
BATCH = 20_000


def make(path: Path, *, sessions: int, messages: int) -> int:
    """Fills a file of the store; returns the number of its events. Word frequencies are as uneven as in real
    language."""
    events = fill(path, sessions=sessions, messages=messages, until=date(2026, 3, 1))
    chosen = random.Random(1)
    made = {"".join(chosen.choices(SYLLABLES, k=chosen.choice((1, 2, 2, 3, 3, 4)))) for _ in range(2 * VOCABULARY)}
    words = [FREQUENT, *sorted(made)][:VOCABULARY]
    with duckdb.connect(str(path)) as connection:
        connection.execute("set checkpoint_threshold = '100GB'")
        connection.execute(
            "create temp table word as select unnest(range(len($1))) as place, unnest($1) as word", [words]
        )
        connection.execute(
            f"""
            create temp table said as
            select seq, string_agg(word, ' ' order by number) as text from (
                select seq, number,
                    floor({len(words)} * power((hash(seq * 1000 + number) % 1000003) / 1000003.0, 2.5))::bigint as place
                from (select seq, unnest(range(20 + (hash(seq) % 50)::bigint)) as number from events where text != '')
            ) join word using (place) group by seq
            """
        )
        connection.execute(
            f"update said set text = text || ' {RARE}' where hash(seq) % (select 1 + count(*) // {FEW} from said) = 0"
        )
        connection.execute(
            "update events set data = replace(data, to_json(events.text)::varchar, to_json(said.text)::varchar), "
            "text = said.text from said where said.seq = events.seq"
        )
        connection.execute("checkpoint")
    return events


def copy_to_sqlite(source: Path, target: Path) -> None:
    """Copies the typed columns as plain rows with the indexes that the queries need, and the texts to FTS5."""
    with sqlite3.connect(target) as peer:
        peer.executescript(
            """
            pragma synchronous = off;
            create table sessions (session_no integer primary key, id text, title text, updated_at real, model text);
            create table events (seq integer primary key, session_no integer, id text, timestamp real, text text,
                tool_text text, model text, input_tokens integer, output_tokens integer);
            create virtual table texts using fts5(text, tool_text, content='events', content_rowid='seq');
            """
        )
        for table, columns in (
            ("sessions", "session_no, id, title, updated_at, model"),
            ("events", "seq, session_no, id, timestamp, text, tool_text, model, input_tokens, output_tokens"),
        ):
            marks = ", ".join("?" * len(columns.split(",")))
            for rows in _batches(
                source, f"select {columns} from {table} where {'true' if table == 'events' else 'deleted_at is null'}"
            ):
                peer.executemany(f"insert into {table} ({columns}) values ({marks})", rows)
        peer.executescript(
            """
            create index newest on events (timestamp desc, seq desc);
            create index of_session on events (session_no);
            insert into texts (texts) values ('rebuild');
            analyze;
            """
        )


def copy_to_adk(source: Path, target: Path) -> None:
    """Copies the events as ADK's own SQLite service stores them."""
    asyncio.run(SqliteSessionService(str(target)).list_sessions(app_name="nobody"))
    with sqlite3.connect(target) as peer:
        peer.execute("pragma synchronous = off")
        sql = "select app_name, user_id, id, state, created_at, updated_at from sessions"
        for rows in _batches(source, sql):
            peer.executemany("insert into sessions values (?, ?, ?, ?, ?, ?)", rows)
        sql = (
            "select e.id, app_name, user_id, s.id, invocation_id, timestamp, data "
            "from events e join sessions s using (session_no)"
        )
        for rows in _batches(source, sql):
            peer.executemany("insert into events values (?, ?, ?, ?, ?, ?, ?)", rows)


def _batches(source: Path, sql: str) -> Iterable[list[tuple[object, ...]]]:
    with duckdb.connect(str(source), read_only=True) as connection:
        rows = connection.execute(sql)
        while batch := rows.fetchmany(BATCH):
            yield batch
