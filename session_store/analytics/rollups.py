"""The columns in memory that figures are computed from: a compact copy of the store's typed columns.

One read of the store creates it, and it is valid as long as the store's revision stays the same. Events become sums by
session, quarter of an hour, side and model, which keeps a change of filters cheap: a million events make at most a
tenth as many rows. Times are quarters of an hour since 1970 (UTC): exact for every query about local days.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import duckdb

from session_store.model_names import NAMES, UNNAMED
from session_store.sessions.status import STATE, TURN_STATES
from session_store.store import Store

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": False,
    "preserve_insertion_order": False,  # queries sort explicitly; tables are created in half the time
}
_SESSIONS: Final = f"""
    select session_no, s.id, app_name as agent, user_id, model, saved, title, workspace_id,
        floor(created_at / 900)::integer as quarter, coalesce(g.tags, []) as tags,
        {STATE} as state
    from sessions s left join (
        select session_no, list(tag) as tags from tags group by session_no
    ) g using (session_no) left join (
        select session_no, {TURN_STATES}
        from turns where not rewound and status in ('running', 'paused', 'queued') group by session_no
    ) t using (session_no)
    where deleted_at is null
"""
_ACTIVITY: Final = f"""
    select session_no, floor(timestamp / 900)::integer as quarter, author = 'user' as asked, model, null as chosen,
        (count(text) filter (not rewound))::integer as messages, sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens, sum(least(cached_tokens, input_tokens))::bigint as cached_tokens
    from events where not copied and {{changed}} and not ({UNNAMED}) group by all
    union all
    select e.session_no, floor(e.timestamp / 900)::integer, false, null,
        case when t.id is not null and t.model is null and coalesce(e.input_tokens, e.output_tokens) is null
            then '' else t.model end,  -- '': a query, which is answered without a model
        (count(e.text) filter (not e.rewound))::integer,
        sum(e.input_tokens)::bigint, sum(e.output_tokens)::bigint, sum(least(e.cached_tokens, e.input_tokens))::bigint
    from (
        select session_no, invocation_id, timestamp, text, rewound, input_tokens, output_tokens, cached_tokens
        from events where not copied and {{changed}} and {UNNAMED}
    ) e left join turns t on t.id = e.invocation_id group by all
"""
_TURNS: Final = """
    select session_no, s.app_name as agent, floor(t.created_at / 900)::integer as quarter, t.status, t.model,
        (t.first_token_at - t.started_at)::float as wait,
        -- When it was interrupted nobody knows: its end was written at the next start.
        case when t.status != 'interrupted' then (t.ended_at - t.started_at)::float end as seconds
    from turns t join sessions s using (session_no)
    where s.deleted_at is null and not t.rewound and not t.copied
"""
_TOOLS: Final = """
    with used as (
        select session_no, seq, timestamp, unnest(uses) as use, unnest(range(len(uses))) as place from (
            select session_no, seq, timestamp,
                from_json(tool_uses, '[{"id": "VARCHAR", "tool": "VARCHAR", "outcome": "VARCHAR"}]') as uses
            from events where not rewound and not copied and {changed} and tool_uses is not null
        )
    ), numbered as (
        -- Calls without an id bear the name of their tool in its place: the first answer is that to the first of them.
        select session_no, timestamp, use.id as id, use.tool as name, use.outcome as outcome, row_number() over (
            partition by session_no, use.id, use.outcome = 'called' order by seq, place
        ) as nth
        from used where use.outcome != 'waiting'
    ), asked as (
        select distinct session_no, use.id as id from used where use.outcome = 'waiting'
    )
    select call.session_no, floor(call.timestamp / 900)::integer as quarter, call.name,
        case answer.outcome when 'succeeded' then true when 'failed' then false end as ok,
        -- That a person took their time says nothing of the tool.
        case when ok is not null and asked.id is null then (answer.timestamp - call.timestamp)::float end as seconds
    from numbered call
    left join numbered answer on answer.session_no = call.session_no and answer.id = call.id
        and answer.nth = call.nth and answer.outcome != 'called'
    left join asked on asked.session_no = call.session_no and asked.id = call.id
    where call.outcome = 'called'
"""
_QUESTIONS: Final = """
    select session_no, floor(timestamp / 900)::integer as quarter, hash(lower(trim(text))) as question, seq
    from events where author = 'user' and text is not null and not rewound and not copied and {changed}
"""
_FEEDBACK: Final = """
    select f.session_no, floor(f.given_at / 900)::integer as quarter, f.score > 0 as positive
    from feedback f anti join (select session_no, id from events where rewound) e
        on e.session_no = f.session_no and e.id = f.event_id
    where f.score is not null
"""
_WHOLE: Final = {"session": _SESSIONS, "turn": _TURNS, "feedback": _FEEDBACK, "alias": NAMES}
"""Copied in full each time: they are small, and their rows change."""
_GROWING: Final = {"activity_by_model": _ACTIVITY, "tool": _TOOLS, "question": _QUESTIONS}
"""Copied once, and then only for sessions with new events: whatever changes an event comes with a new one."""
_DERIVED: Final = """
    create or replace table activity as
        select s.agent, m.* replace (
            case when not asked and m.chosen is distinct from ''
                and (m.model is not null or messages > 0 or input_tokens > 0 or output_tokens > 0)
                then coalesce(m.model, alias.name, 'unknown') end as model)
        from activity_by_model m join session s using (session_no)
        left join alias on m.model is null and alias.id = coalesce(m.chosen, s.model);
    create or replace table session_models as
        select distinct session_no, model from activity where model is not null
        union
        select t.session_no, alias.name from (select distinct session_no, model from turn) t
        join session using (session_no) join alias on alias.id = t.model;
"""


@dataclass(frozen=True, slots=True)
class Rollups:
    """An in-memory database with the tables of ``_WHOLE``, ``_GROWING`` and ``_DERIVED``, as of ``revision``; some rows
    may belong to deleted sessions, which ``session`` lacks. ``first`` and ``last`` are the first and last quarter of an
    hour with activity; None without any. ``seq`` is that of the last event, ``generation`` that of the store's
    memory."""

    revision: int
    generation: int
    seq: int
    connection: duckdb.DuckDBPyConnection
    first: int | None
    last: int | None
    choices: Choices


def revision_of(store: Store) -> int:
    """Return the store's revision, which grows with every change that figures or filters may depend on."""
    return store.log.memory.figures_revision


def gather(store: Store, known: Rollups | None = None) -> Rollups:
    """Copy the facts out of the store, all as of one moment. Updates ``known``, copying only what has changed since; it
    must not be used afterwards."""
    revision, generation = revision_of(store), store.log.memory.generation
    if known is not None and known.generation != generation:
        known = None
    with store.log.database.reading() as cursor:
        cursor.begin()
        seq = int(cursor.execute("select coalesce(max(seq), 0) from events").fetchall()[0][0])
        changed = _changed(cursor, known)
        copies = {
            name: cursor.sql(sql.replace("{changed}", changed)).to_arrow_table()
            for name, sql in (_WHOLE | _GROWING).items()
        }
        cursor.commit()
    connection = known.connection if known else duckdb.connect(":memory:", config=_CONFIG)
    with _transaction(connection):
        for name, copy in copies.items():
            connection.register("copy", copy)
            if known is None or name in _WHOLE:
                connection.execute(f"create or replace table {name} as from copy")
            else:
                connection.execute(f"delete from {name} where {changed}")
                connection.execute(f"insert into {name} from copy")
            connection.unregister("copy")
        connection.execute(_DERIVED)
    first, last = connection.execute(
        "select min(quarter), max(quarter) from (select quarter from session union all select quarter from activity "
        "union all select quarter from turn)"
    ).fetchall()[0]
    return Rollups(revision, generation, seq, connection, first, last, choices(connection))


def _changed(cursor: duckdb.DuckDBPyConnection, known: Rollups | None) -> str:
    """Return a condition for the sessions with events that ``known`` lacks."""
    if known is None:
        return "true"
    found = cursor.execute("select distinct session_no from events where seq > $1", [known.seq]).fetchall()
    return f"session_no in ({', '.join(str(int(row[0])) for row in found)})" if found else "false"


@contextlib.contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Apply all changes or none, for concurrent readers."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _values(column: str) -> str:
    return f"coalesce(list(distinct {column} order by {column}) filter ({column} is not null), [])"


_SQL = f"""
    select count(*) filter (saved), {", ".join(map(_values, ("agent", "user_id", "workspace_id", "state")))},
        (select {_values("model")} from session_models),
        (select coalesce(list(tag order by lower(tag)), []) from (
            select mode(tag) as tag from (select unnest(tags) as tag from session) group by lower(tag)
        ))
    from session
"""


@dataclass(frozen=True, slots=True)
class Choices:
    """Existing values, sorted. ``saved`` is the number of saved conversations. ``models`` are their providers' names;
    ``model_ids`` maps each name to the ids under which it is chosen."""

    saved: int
    agents: list[str]
    users: list[str]
    workspaces: list[str]
    states: list[str]
    models: list[str]
    tags: list[str]
    model_ids: dict[str, list[str]]


def choices(connection: duckdb.DuckDBPyConnection) -> Choices:
    """Return the choices among the facts in this database."""
    saved, agents, users, workspaces, states, models, tags = connection.execute(_SQL).fetchall()[0]
    ids = connection.execute("select name, list(id order by id) from alias group by name").fetchall()
    return Choices(saved, agents, users, workspaces, states, models, tags, dict(ids))
