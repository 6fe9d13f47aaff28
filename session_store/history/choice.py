"""Builds the SQL that selects the sessions matching a filter."""

from __future__ import annotations

from typing import Any, Final

from session_store.history.models import HistoryFilter
from session_store.history.words import all_in, words_of
from session_store.sessions.cache import Memory
from session_store.sessions.status import STATUS, TURN_STATES

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
_THUMBS: Final = {"up": "up > 0", "down": "down > 0"}
_COLUMNS: Final = (
    "s.session_no, s.app_name, s.user_id, s.id, s.title, s.title_source, s.workspace_id, s.model, s.saved, "
    "s.created_at, s.seen_at, s.note, s.terminated_at, s.branched_from"
)


def sessions(memory: Memory, values: dict[str, Any]) -> str:
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


def chosen(memory: Memory, wanted: HistoryFilter, values: dict[str, Any]) -> str:
    """Return SQL for the sessions of a filter. Adds its parameters to the ``values`` of the query."""
    terms = _plain_terms(wanted, values)
    if wanted.tags is not None:
        values["tags"] = [tag.strip().lower() for tag in wanted.tags]
        terms.append("s.session_no in (select session_no from tags where list_contains($tags::varchar[], lower(tag)))")
    if wanted.feedback is not None:
        thumb = _THUMBS[wanted.feedback]
        terms.append(f"s.session_no in (select session_no from ({FEEDBACK.format(among='')}) where {thumb})")
    if words := words_of(wanted.text):
        title, text, tool = (all_in(column, words, values) for column in ("s.title", "text", "tool_text"))
        terms.append(
            f"({title} or s.session_no in (select session_no from events where not rewound and ({text} or {tool})))"
        )
    source = f"select s.* from ({sessions(memory, values)}) s"
    if wanted.statuses is not None:
        values["statuses"] = list(wanted.statuses)
        source += f" left join ({TURNS.format(among='')}) t using (session_no)"
        terms.append(f"list_contains($statuses::varchar[], {STATUS})")
    return f"{source} where {' and '.join(terms)}" if terms else source


def _plain_terms(wanted: HistoryFilter, values: dict[str, Any]) -> list[str]:
    """Return conditions on the columns of sessions."""
    terms = []
    for name, sign, value in (
        ("s.user_id", "=", wanted.user_id),
        ("s.saved", "=", wanted.saved),
        ("s.updated_at", ">=", wanted.since),
        ("s.updated_at", "<", wanted.until),
    ):
        if value is not None:
            values[place := f"value{len(values)}"] = value
            terms.append(f"{name} {sign} ${place}")
    if wanted.among is not None:
        values["among"] = list(wanted.among)
        terms.append("s.session_no in (select unnest($among::bigint[]))")
    for name, several in (
        ("s.workspace_id", wanted.workspace_ids),
        ("s.app_name", wanted.agents),
        ("s.model", wanted.models),
    ):
        if several is not None:
            values[place := f"value{len(values)}"] = list(several)
            terms.append(f"list_contains(${place}::varchar[], {name})")
    return terms
