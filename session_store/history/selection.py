"""Builds the SQL that selects the sessions matching a filter."""

from __future__ import annotations

from typing import Any, Final

from session_store.history.filters import HistoryFilter, condition
from session_store.sessions.cache import Memory
from session_store.sessions.status import TURN_STATES

TURNS: Final = f"""
    select session_no, count(*) as turns, {TURN_STATES}, bool_or(model is not null) as asked,
        arg_max(coalesce(error, ''), (created_at, id)) as last_error
    from turns where not rewound {{among}} group by session_no
"""
FEEDBACK: Final = """
    select f.session_no, count(*) filter (score > 0) as up, count(*) filter (score < 0) as down
    from feedback f join events e on e.session_no = f.session_no and e.id = f.event_id
    where not e.rewound {among} group by f.session_no
"""
_COLUMNS: Final = (
    "s.session_no, s.app_name, s.user_id, s.id, s.title, s.title_source, s.workspace_id, s.model, s.saved, "
    "s.created_at, s.seen_at, s.note, s.terminated_at, s.branched_from"
)


def sql_of_sessions(memory: Memory, values: dict[str, Any]) -> str:
    """Return SQL for all sessions that were not deleted, with their current update times."""
    with memory.lock:
        times = dict(memory.unsaved_times)
    if not times:
        return f"select {_COLUMNS}, s.updated_at from sessions s where s.deleted_at is null"
    values |= {"numbers": list(times), "times": list(times.values())}
    return (
        f"select {_COLUMNS}, coalesce(n.updated_at, s.updated_at) as updated_at from sessions s left join "
        "(select unnest($numbers::bigint[]) as session_no, unnest($times::double[]) as updated_at) n "
        "using (session_no) where s.deleted_at is null"
    )


def sql_of_filter(memory: Memory, wanted: HistoryFilter, values: dict[str, Any]) -> str:
    """Return SQL for the sessions of a filter. Adds its parameters to the ``values`` of the query."""
    return f"select s.* from ({sql_of_sessions(memory, values)}) s where {condition(wanted, values)}"
