"""The tables, as changes in order. A file remembers how many of them it has seen."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

from session_store.errors import StoreTooNewError


def first_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Sessions, events, turns and scoped state.

    No foreign keys: DuckDB refuses to delete a parent and its children in one transaction. No index on events: the
    writer is alone and knows what is there, and a scan of one integer column finds a session's events.
    """
    connection.execute(
        """
        create table schema_version (
            version    integer not null,
            name       varchar not null,
            applied_at double not null
        );
        create table sessions (
            session_no   bigint not null,   -- from the same counter as events.seq: smaller than that of its events
            app_name     varchar not null,
            user_id      varchar not null,
            id           varchar not null,
            title        varchar not null,
            title_source varchar not null,
            model        varchar,
            saved        boolean not null,
            created_at   double not null,
            updated_at   double not null,   -- timestamp of the last event; may lag behind, see session_log
            seen_at      double not null,
            deleted_at   double,
            state        varchar not null   -- JSON, with NaN and Infinity as Python writes them
        );
        create table events (
            seq             bigint not null,
            session_no      bigint not null,
            id              varchar not null,
            invocation_id   varchar not null,
            author          varchar not null,
            timestamp       double not null,
            text            varchar,         -- what a person reads: text parts without thoughts
            model           varchar,
            input_tokens    bigint,
            output_tokens   bigint,
            thought_tokens  bigint,
            cached_tokens   bigint,
            tool_calls      varchar[],       -- names of the tools called
            tool_results    varchar[],       -- names of the tools that answered
            interrupted     boolean not null,
            finish_reason   varchar,
            error_code      varchar,
            rewind_before   varchar,         -- invocation that this event rewinds to the start of
            rewound         boolean not null,
            data            varchar not null -- the whole event as JSON
        );
        create table turns (
            id             varchar not null primary key,
            session_no     bigint not null,
            status         varchar not null,
            message        varchar not null, -- JSON of a google.genai Content
            model          varchar,
            created_at     double not null,
            started_at     double,
            first_token_at double,
            ended_at       double,
            input_tokens   bigint,
            output_tokens  bigint,
            error          varchar,
            rewound        boolean not null
        );
        create table turn_chunks (
            turn_id varchar not null,
            number  bigint not null,
            text    varchar not null
        );
        create table app_states (
            app_name   varchar not null primary key,
            state      varchar not null,
            updated_at double not null
        );
        create table user_states (
            app_name   varchar not null,
            user_id    varchar not null,
            state      varchar not null,
            updated_at double not null,
            primary key (app_name, user_id)
        );
        """
    )


MIGRATIONS = (first_tables,)
"""In order of age. Never change or remove one that was released: add another."""


def migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Bring the tables of an open file up to date, each change in a transaction of its own.

    Raises:
        StoreTooNewError: the file has seen changes that this version does not know.
    """
    present = _version(connection)
    if present > len(MIGRATIONS):
        raise StoreTooNewError(
            f"{path} was written by a newer version of this program (schema {present}; this version knows up to "
            f"{len(MIGRATIONS)}). Update the program, or choose another file."
        )
    for version, change in enumerate(MIGRATIONS[present:], start=present + 1):
        connection.begin()
        try:
            change(connection)
            connection.execute(
                "insert into schema_version values ($1, $2, $3)", [version, change.__name__, time.time()]
            )
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    known = connection.execute("select 1 from information_schema.tables where table_name = 'schema_version'").fetchone()
    row = connection.execute("select max(version) from schema_version").fetchone() if known else None
    return int(row[0]) if row and row[0] is not None else 0
