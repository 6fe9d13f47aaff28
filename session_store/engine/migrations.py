"""The database's tables, as a list of migrations in order. The file records how many were applied."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
from google.adk.events.event import Event

from session_store.errors import StoreTooNewError
from session_store.history.views import history_views
from session_store.models import GENERAL, SAMPLE_SHOP
from session_store.sessions.event_rows import tokens_of_json
from session_store.sessions.tool_columns import tool_columns_of_json
from session_store.transcripts.parts import details_in, said_in

EVENTS_AT_ONCE = 20_000
_MORE_THAN_TEXT = (
    "_transcription",
    "executable_code",
    "code_execution_result",
    '"output":',
    '"thought":true',
    '"thought": true',
    "<think",
    "</think",
    "<THINK",
    "</THINK",
    "grounding_metadata",
    "citation_metadata",
    "inline_data",
    "file_data",
)
"""Substrings in the JSON of events that contain more than text and tool calls."""


def first_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create sessions, events, turns and scoped state.

    No foreign keys: DuckDB refuses to delete a parent and its children in one transaction. No index on events: the
    single writer knows what exists, and a scan of one integer column finds a session's events.
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


def workspaces_and_results(connection: duckdb.DuckDBPyConnection) -> None:
    """Create workspaces, results and feedback."""
    connection.execute(
        f"""
        create table workspaces (
            id                 varchar not null primary key,
            name               varchar not null,
            parent_id          varchar,
            created_at         double not null,
            connection_kind    varchar,
            connection_address varchar,         -- without the password
            connection_name    varchar
        );
        alter table sessions add column workspace_id varchar default '{GENERAL}';
        alter table sessions alter column workspace_id set not null;
        create table results (
            id           varchar not null primary key,
            session_no   bigint not null,
            turn_id      varchar not null,
            call_id      varchar,
            kind         varchar not null,
            title        varchar not null,
            sql          varchar,
            spec         varchar,               -- JSON of a Vega-Lite specification without data
            row_count    bigint,
            note         varchar not null,
            seconds      double,
            file_name    varchar,
            file_version integer,
            mime_type    varchar,
            size         bigint not null,
            created_at   double not null
        );
        create table result_data (
            result_id varchar not null,
            part      integer not null,
            data      blob not null,            -- a piece of the result's Parquet file
            primary key (result_id, part)
        );
        create table feedback (
            session_no bigint not null,
            event_id   varchar not null,
            score      tinyint,                 -- 1 or -1
            comment    varchar not null,
            given_at   double not null
        );
        """
    )
    now = time.time()
    connection.execute(
        "insert into workspaces values ($1, 'General', null, $3, null, null, null), "
        "($2, 'Sample shop', null, $3, 'sample', '', 'Sample shop')",
        [GENERAL, SAMPLE_SHOP, now],
    )


def tags_tools_and_queries(connection: duckdb.DuckDBPyConnection) -> None:
    """Add tags, notes, the end of sessions and their branches; the texts of tool calls, as columns; and past
    queries."""
    connection.execute(
        """
        alter table sessions add column terminated_at double;
        alter table sessions add column note varchar default '';
        alter table sessions alter column note set not null;
        alter table sessions add column branched_from varchar; -- id of another session
        alter table sessions add column branched_at varchar;   -- id of the event in it with which the branch begins
        alter table events add column tool_errors varchar[];   -- names of the tools whose answer was an error
        alter table events add column tool_text varchar;       -- what tools were asked and answered, to search in
        alter table events add column copied boolean default false; -- from the session that a branch began in
        alter table events alter column copied set not null;
        alter table turns add column copied boolean default false;
        alter table turns alter column copied set not null;
        create table tags (
            session_no bigint not null,
            tag        varchar not null
        );
        create table named_queries (
            id         varchar not null primary key,
            name       varchar not null,
            sql        varchar not null,
            created_at double not null
        );
        create table asked_queries (
            id        varchar not null primary key,
            sql       varchar not null,
            asked_at  double not null,
            seconds   double not null,
            row_count bigint,
            error     varchar
        );
        """
    )
    _fill_tool_columns(connection)


def _fill_tool_columns(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create temp table found (seq bigint, tool_errors varchar[], tool_text varchar)")
    for rows in _events_with_tools(connection):
        columns = [tool_columns_of_json(data) for _, data in rows]
        connection.execute(
            "insert into found select unnest($1::bigint[]), unnest($2::varchar[][]), unnest($3::varchar[])",
            [[row[0] for row in rows], [tools.errors for tools in columns], [tools.text for tools in columns]],
        )
    # Update one column at a time: changing a list rewrites the whole row, and few tools fail.
    connection.execute(
        "update events set tool_text = f.tool_text from found f where f.seq = events.seq and f.tool_text is not null"
    )
    connection.execute(
        "update events set tool_errors = f.tool_errors from found f "
        "where f.seq = events.seq and f.tool_errors is not null"
    )
    connection.execute("drop table found")


def tool_uses(connection: duckdb.DuckDBPyConnection) -> None:
    """Record the outcome of each tool call by its ID. A call without an answer no longer counts as failed."""
    # A string, because DuckDB updates strings in place, but not lists.
    connection.execute("alter table events add column tool_uses varchar")
    connection.execute("create temp table found (seq bigint, uses varchar, errors varchar[])")
    for rows in _events_with_tools(connection):
        columns = [tool_columns_of_json(data) for _, data in rows]
        connection.execute(
            "insert into found select unnest($1::bigint[]), unnest($2::varchar[]), unnest($3::varchar[][])",
            [[seq for seq, _ in rows], [tools.uses for tools in columns], [tools.errors for tools in columns]],
        )
    connection.execute("update events set tool_uses = f.uses from found f where f.seq = events.seq")
    connection.execute(
        "update events set tool_errors = f.errors from found f "
        "where f.seq = events.seq and events.tool_errors is distinct from f.errors"
    )
    connection.execute("drop table found")


def every_token(connection: duckdb.DuckDBPyConnection) -> None:
    """Count thoughts as output, and what the provider's tools gave the model as input."""
    connection.execute("create temp table more (seq bigint, read bigint, written bigint)")
    seq = -1
    while rows := connection.execute(
        "select seq, data, coalesce(input_tokens, 0), coalesce(output_tokens, 0) from events where seq > $1 "
        "and not copied and (thought_tokens > 0 or contains(data, 'tool_use_prompt_token_count')) "
        "order by seq limit $2",
        [seq, EVENTS_AT_ONCE],
    ).fetchall():
        tokens = [tokens_of_json(data) for _, data, _, _ in rows]
        more_read = [(used.input or 0) - row[2] for used, row in zip(tokens, rows, strict=True)]
        more_written = [(used.output or 0) - row[3] for used, row in zip(tokens, rows, strict=True)]
        connection.execute(
            "insert into more select unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[])",
            [[row[0] for row in rows], more_read, more_written],
        )
        seq = rows[-1][0]
    changes = """
        input_tokens = case when read = 0 then input_tokens else coalesce(input_tokens, 0) + read end,
        output_tokens = case when written = 0 then output_tokens else coalesce(output_tokens, 0) + written end
    """
    connection.execute(f"update events set {changes} from more where more.seq = events.seq")
    connection.execute(
        f"update turns set {changes} from (select invocation_id, sum(read)::bigint as read, "
        "sum(written)::bigint as written from more join events using (seq) group by invocation_id) m "
        "where turns.id = m.invocation_id"
    )
    connection.execute("drop table more")


def _events_with_tools(connection: duckdb.DuckDBPyConnection) -> Iterator[list[tuple[int, str]]]:
    """Yield the numbers and JSON of events with tool calls or answers, in batches."""
    seq = -1
    while rows := connection.execute(
        "select seq, data from events where seq > $1 and (tool_calls is not null or tool_results is not null) "
        f"order by seq limit {EVENTS_AT_ONCE}",
        [seq],
    ).fetchall():
        yield rows
        seq = rows[-1][0]


def everything_said(connection: duckdb.DuckDBPyConnection) -> None:
    """Also find and count transcripts of speech, code, outputs of workflows, thoughts and sources; treat text within
    ``<think>`` as a thought."""
    connection.execute("create temp table found (seq bigint, text varchar, details varchar)")
    hints = " or ".join(f"contains(data, '{hint}')" for hint in _MORE_THAN_TEXT)
    seq = -1
    while rows := connection.execute(
        f"select seq, data, text, tool_text from events where seq > $1 and ({hints}) "
        f"order by seq limit {EVENTS_AT_ONCE}",
        [seq],
    ).fetchall():
        seq = rows[-1][0]
        said = [one for row in rows if (one := _said_and_details(*row))]
        connection.execute(
            "insert into found select unnest($1::bigint[]), unnest($2::varchar[]), unnest($3::varchar[])",
            [list(column) for column in zip(*said, strict=True)] or [[], [], []],
        )
    connection.execute("update events set text = f.text, tool_text = f.details from found f where f.seq = events.seq")
    connection.execute("drop table found")


def _said_and_details(
    seq: int, data: str, text: str | None, tool_text: str | None
) -> tuple[int, str | None, str | None] | None:
    """Return an event's new column values; None if they do not change, or if the event is unreadable."""
    try:
        event = Event.model_validate_json(data)
    except ValueError:
        return None
    details = details_in(event)
    told = "\n".join(filter(None, (tool_text, details))) if details else tool_text
    return (seq, said_in(event), told) if (said_in(event), told) != (text, tool_text) else None


def feedback_by_itself(connection: duckdb.DuckDBPyConnection) -> None:
    """List feedback also where only a part of the conversation is visible that the rated answer does not belong to."""
    connection.execute("drop schema if exists history cascade")  # its views are recreated


MIGRATIONS = (
    first_tables,
    workspaces_and_results,
    tags_tools_and_queries,
    tool_uses,
    every_token,
    everything_said,
    feedback_by_itself,
)
"""In chronological order. Never change or remove a released migration: add another."""

_OF_VIEWS = (tags_tools_and_queries, every_token, everything_said, feedback_by_itself)
"""Migrations that require the views to be recreated: once, after the last of them that a file has not seen."""


def migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Bring the tables of an open file up to date, with one transaction per migration.

    Raises:
        StoreTooNewError: the file has migrations that this version does not know.
    """
    present = _version(connection)
    if present > len(MIGRATIONS):
        raise StoreTooNewError(
            f"{path} was written by a newer version of this program (schema {present}; this version knows up to "
            f"{len(MIGRATIONS)}). Update the program, or choose another file."
        )
    unseen = list(enumerate(MIGRATIONS[present:], start=present + 1))
    views = max((version for version, change in unseen if change in _OF_VIEWS), default=None)
    for version, change in unseen:
        connection.begin()
        try:
            change(connection)
            if version == views:
                history_views(connection)
            connection.execute(
                "insert into schema_version values ($1, $2, $3)", [version, change.__name__, time.time()]
            )
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


def is_foreign(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether an open file has contents that the first migration did not create. Read-only."""
    try:
        connection.execute("select 1 from main.schema_version, main.sessions, main.events limit 0")
    except duckdb.Error:
        pass  # empty or foreign; listing its contents takes ten times as long
    else:
        return False
    found = connection.execute(
        """
        select schema_name, table_name from duckdb_tables() where not internal
        union all select schema_name, view_name from duckdb_views() where not internal
        union all select schema_name, sequence_name from duckdb_sequences()
        union all select schema_name, function_name from duckdb_functions() where not internal
        union all select schema_name, type_name from duckdb_types() where not internal
        union all select schema_name, '' from duckdb_schemas() where not internal
        """
    ).fetchall()
    return bool(found) and not {("main", name) for name in ("schema_version", "sessions", "events")} <= set(found)


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    try:
        row = connection.execute("select max(version) from schema_version").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(row[0]) if row and row[0] is not None else 0
