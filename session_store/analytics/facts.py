"""What figures are computed from: a copy of the store's typed columns, small enough to be in memory.

It is made in one read of the store, and is right for as long as the store's revision is the same. Events become sums by
session, quarter of an hour, side and model, which is what keeps a change of filters cheap: a million events are a tenth
as many rows or fewer. Times are quarters of an hour since 1970 (UTC): exact for every question about local days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb

from session_store.store import Store

_SESSIONS: Final = """
    select session_no, id, app_name as agent, user_id, model, saved, title, {workspace} as workspace,
        created_at, floor(created_at / 900)::integer as quarter
    from sessions where deleted_at is null
"""
_ACTIVITY: Final = """
    select session_no, floor(timestamp / 900)::integer as quarter, author = 'user' as asked, model,
        count(text)::integer as messages, sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens
    from events where not rewound group by all
"""
_TURNS: Final = """
    select session_no, floor(created_at / 900)::integer as quarter, status, model,
        (first_token_at - started_at)::float as wait, (ended_at - started_at)::float as seconds
    from turns where not rewound
"""
_TOOLS: Final = """
    with used as (
        select session_no, seq, timestamp, tool_calls is not null as called,
            coalesce(tool_calls, tool_results) as names,
            -- Only what may tell of an error is read as JSON.
            case when tool_results is not null and contains(data, '"error"')
                then json_extract(data, '$.content.parts[*].function_response') end as responses
        from events where not rewound and (tool_calls is not null or tool_results is not null)
    ), timed as (
        select *, case when not called and lag(called) over after
            then timestamp - lag(timestamp) over after end as seconds
        from used window after as (partition by session_no order by seq)
    ), single as (
        select *, unnest(names) as name, unnest(range(1, len(names) + 1)) as place from timed
    )
    select session_no, floor(timestamp / 900)::integer as quarter, called, name, seconds::float as seconds,
        case when not called then coalesce(responses[place] ->> '$.response.error', '') = '' end as ok
    from single where not starts_with(name, 'adk_request_')
"""
_QUESTIONS: Final = """
    select session_no, floor(timestamp / 900)::integer as quarter, hash(lower(trim(text))) as question, seq
    from events where author = 'user' and text is not null and not rewound
"""
_IMPORTS: Final = {"session": _SESSIONS, "activity": _ACTIVITY, "turn": _TURNS, "tool": _TOOLS, "question": _QUESTIONS}
_WITH_SESSION: Final = "session_no in (select session_no from session)"
_DERIVED: Final = f"""
    create table session as from imported_session;
    -- How the provider of a model calls it, for answers that do not say so themselves.
    create table alias as
        select s.model as id, coalesce(mode(a.model), regexp_replace(id, '^[a-z]+/', '')) as name
        from (select model, session_no from session union select model, session_no from imported_turn) s
        left join imported_activity a on a.session_no = s.session_no and a.model is not null
        where s.model is not null group by s.model;
    create table activity as
        select a.* replace (
                case when not asked
                    and (a.model is not null or messages > 0 or input_tokens > 0 or output_tokens > 0)
                    then coalesce(a.model, alias.name, 'unknown') end as model)
        from imported_activity a join session s using (session_no) left join alias on alias.id = s.model;
    create table turn as from imported_turn where {_WITH_SESSION};
    create table tool as from imported_tool where {_WITH_SESSION};
    create table question as from imported_question where {_WITH_SESSION};
    create table answered as
        select distinct session_no, model from activity where model is not null
        union
        select session_no, alias.name from (select distinct session_no, model from turn) join alias on id = model;
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """A database in memory with the tables ``session``, ``activity``, ``turn``, ``tool``, ``question``, ``answered``
    and ``alias``, as of ``revision``. ``first`` and ``last`` are the quarters that anything happened in; None while
    nothing has."""

    revision: int
    connection: duckdb.DuckDBPyConnection
    first: int | None
    last: int | None

    def choices(self, column: str, table: str = "session") -> list[str]:
        """The values of a column, in order."""
        sql = f"select distinct {column} from {table} where {column} is not null order by 1"
        return [row[0] for row in self.connection.cursor().execute(sql).fetchall()]

    @property
    def saved(self) -> int:
        """How many conversations are saved."""
        return int(self.connection.cursor().execute("select count(*) from session where saved").fetchall()[0][0])


def revision_of(store: Store) -> int:
    """Grows with every change of the store."""
    return store.log.memory.revision


def gather(store: Store) -> Facts:
    """Copy the facts out of the store, all as of one moment."""
    revision = revision_of(store)
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})
    with store.log.database.reading() as cursor:
        cursor.begin()
        columns = {row[0] for row in cursor.execute("select column_name from (describe sessions)").fetchall()}
        workspace = "workspace_id" if "workspace_id" in columns else "null::varchar"
        for name, sql in _IMPORTS.items():
            imported = cursor.sql(sql.replace("{workspace}", workspace)).to_arrow_table()
            connection.register(f"imported_{name}", imported)
        cursor.commit()
    connection.execute(_DERIVED)
    for name in _IMPORTS:
        connection.unregister(f"imported_{name}")
    first, last = connection.execute(
        "select min(quarter), max(quarter) from (select quarter from session union all select quarter from activity "
        "union all select quarter from turn)"
    ).fetchall()[0]
    return Facts(revision, connection, first, last)
