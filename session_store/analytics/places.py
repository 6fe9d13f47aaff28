"""Finds the messages that a figure or a point of a chart is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from session_store.analytics.drill_down import DrillDown, Kind
from session_store.analytics.period import QUARTER, Period, local
from session_store.store import Store

ABOUT_ALL: Final = (Kind.ALL, Kind.TURNS, Kind.AGENT)
"""Kinds that are about anything said in the period."""
_SQL: Final = """
    select f.session_no, f.id, f.at, coalesce(t.error, '') from (
        select session_no, arg_min(id, seq) as id, arg_min(timestamp, seq) as at,
            arg_min(invocation_id, seq) as turn
        from events e
        where session_no in (select unnest(${last}::bigint[])) and not rewound and ({condition}) group by session_no
    ) f left join turns t on t.session_no = f.session_no and t.id = f.turn
"""
_WITHIN: Final = "not copied and timestamp >= {begin} and timestamp < {end}"
_TURN: Final = """not copied and invocation_id in (
    select id from turns t where t.session_no in (select unnest(${last}::bigint[])) and not t.rewound
        and not t.copied and t.created_at >= {begin} and t.created_at < {end} and """
_RATED: Final = """id in (
    select event_id from feedback f where f.session_no = e.session_no and (f.score > 0) = $1
        and f.given_at >= {begin} and f.given_at < {end}"""
_CONDITIONS: Final = {
    **dict.fromkeys(ABOUT_ALL, _WITHIN),
    Kind.DAYS: f"{_WITHIN} and {{local}} // 96 between $1 and $2",
    Kind.HOUR: f"""{_WITHIN} and author = 'user' and text is not null
        and ({{local}} // 96 + 3) % 7 = $1 and {{local}} % 96 // 4 = $2""",
    Kind.MODEL: f"{_WITHIN} and author != 'user' and coalesce(model = $1, text is not null)",
    Kind.UNPRICED: f"""{_WITHIN} and author != 'user' and (input_tokens > 0 or output_tokens > 0)
        and coalesce(list_contains($1::varchar[], model), true)""",
    Kind.TOOL: f"{_WITHIN} and list_contains(tool_calls, $1)",
    Kind.TOOL_FAILED: f"{_WITHIN} and list_contains(tool_errors, $1)",
    Kind.RATED: f"{_RATED})",
    Kind.RATED_DAYS: f"{_RATED} and {{given}} // 96 between $2 and $3)",
    Kind.QUESTION: f"{_WITHIN} and author = 'user' and hash(lower(trim(text))) = $1::ubigint",
    Kind.MESSAGES: "seq in (select unnest($1::bigint[]))",
    Kind.STATUS: f"{_TURN} t.status = $1)",
    Kind.SLOW_FIRST_WORD: f"{_TURN} (t.first_token_at - t.started_at)::float >= $1::float)",
    Kind.SLOW_TURN: f"{_TURN} t.status != 'interrupted' and (t.ended_at - t.started_at)::float >= $1::float)",
}
"""Selects the events that are meant in each conversation. Times are whole quarters of an hour, as in the facts."""


@dataclass(frozen=True, slots=True)
class Place:
    """An event that a figure or point is about: its id, its time (Unix seconds), and the error of its turn."""

    event_id: str
    at: float
    error: str


def first_places(store: Store, period: Period, drill_down: DrillDown, conversations: Sequence[int]) -> dict[int, Place]:
    """Return the first event that a figure or point is about, by conversation number. Conversations that count as such,
    for instance because they began in the period and nothing was said in it, are left out."""
    values = [] if drill_down.kind in ABOUT_ALL else drill_down.parameters
    begin, end = period.begin, period.end
    condition = _CONDITIONS[drill_down.kind].format(
        begin=begin * QUARTER,
        end=end * QUARTER,
        local=local(_quarter("timestamp"), period.zone, begin, end),
        given=local(_quarter("f.given_at"), period.zone, begin, end),
        last=len(values) + 1,
    )
    sql = _SQL.format(condition=condition, last=len(values) + 1)
    return {number: Place(*place) for number, *place in store.log.database.rows(sql, [*values, list(conversations)])}


def _quarter(column: str) -> str:
    return f"floor({column} / {QUARTER})::integer"
