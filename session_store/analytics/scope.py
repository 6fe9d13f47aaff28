"""Selects the facts for one report into temporary tables of its own cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from session_store.analytics.period import Period, Step, local, midnight
from session_store.analytics.rollups import Choices, Rollups
from session_store.history.filters import HistoryFilter
from session_store.prices import FOREVER, Price, prices_of
from session_store.store import Store

_BUCKETS = {
    Step.DAY: "{day}",
    Step.WEEK: "{day} - ({day} + 3) % 7",  # 1970 began on a Thursday, and weeks begin on Monday
    Step.MONTH: "date_diff('day', date '1970-01-01', date_trunc('month', date '1970-01-01' + ({day})::integer))",
}
_TABLES = """
    create temp table sessions_in_scope as
        select session_no, agent, user_id, quarter, quarter >= {begin} and quarter < {end} as begun,
            {begun_local} as local
        from session where {condition};
    create temp table activity_in_scope as
        select a.session_no, a.asked, a.model, a.messages, coalesce(a.input_tokens, 0) as input_tokens,
            coalesce(a.output_tokens, 0) as output_tokens, a.quarter >= {begin} as in_period, {local} as local, a.agent,
            case when a.input_tokens > 0 or a.output_tokens > 0 then (
                coalesce(a.input_tokens, 0) * r.input + coalesce(a.output_tokens, 0) * r.output
                + coalesce(a.cached_tokens, 0) * (r.cached - r.input)
            ) / 1e6 end as cost
        from activity a left join rates r on r.model = a.model and a.quarter >= r.begin and a.quarter < r.until
        where a.quarter >= {start} and a.quarter < {end} and {in_scope};
    create temp {copy} turns_in_scope as
        select session_no, quarter, {turn_local} as local, status, wait, seconds, agent, quarter >= {begin} as in_period
        from turn where quarter >= {start} and quarter < {end} and {in_scope};
    create temp table feedback_in_scope as
        select f.positive, {rated_local} as local, f.quarter >= {begin} as in_period
        from feedback f join sessions_in_scope s using (session_no) where f.quarter >= {start} and f.quarter < {end};
    create temp table active_sessions as
        select session_no, in_period, s.agent, s.user_id from (
            select session_no, in_period from activity_in_scope
            union
            select session_no, in_period from turns_in_scope
            union
            select session_no, quarter >= {begin} from sessions_in_scope where quarter >= {start} and quarter < {end}
        ) join sessions_in_scope s using (session_no);
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """The subject of a report: conversations, a period, and token prices."""

    filters: HistoryFilter
    period: Period
    prices: tuple[Price, ...] = ()


def scoped_cursor(store: Store, rollups: Rollups, scope: Scope) -> duckdb.DuckDBPyConnection:
    """Return a cursor with the tables that a report reads.

    - ``sessions_in_scope``: the conversations; ``begun`` if they began in the period.
    - ``activity_in_scope``: their activity with its cost in US dollars, null without tokens or without a known price.
    - ``turns_in_scope``: their turns.
    - ``feedback_in_scope``: the scores given.
    - ``active_sessions``: the conversations that count.

    All but the first cover the period (``in_period``) and the one before it; ``local`` is a quarter of an hour in local
    time.
    """
    period, cursor = scope.period, rollups.connection.cursor()
    begin, end, start = period.begin, period.end, period.before().begin
    _rates(cursor, rollups.choices, scope.prices)
    everything = scope.filters.is_everything
    condition, values = session_condition(store, scope, 1)
    statements = _TABLES.format(
        condition=condition,
        in_scope="true" if everything else "session_no in (select session_no from sessions_in_scope)",
        # Copying all turns costs more than it saves.
        copy="view" if everything else "table",
        begin=begin,
        end=end,
        start=start,
        begun_local=local("quarter", period.zone, start, end),
        local=local("a.quarter", period.zone, start, end),
        turn_local=local("quarter", period.zone, start, end),
        rated_local=local("f.quarter", period.zone, start, end),
    ).split(";")
    cursor.execute(statements[0], values)
    for statement in filter(str.strip, statements[1:]):
        cursor.execute(statement)
    return cursor


def session_condition(store: Store, scope: Scope, number: int) -> tuple[str, list[Any]]:
    """Return a condition for the rows of ``session`` that a scope selects, with its values: none, or the one for the
    parameter with this number."""
    if scope.filters.is_everything:
        return "true", []
    return f"session_no in (select unnest(${number}::bigint[]))", [store.history.numbers(scope.filters)]


def bucket(step: Step) -> str:
    """Return SQL for the day number that starts the step of a row's ``local``."""
    return _BUCKETS[step].format(day="local // 96")


def _rates(cursor: duckdb.DuckDBPyConnection, known: Choices, prices: Sequence[Price]) -> None:
    """Create the table of each model's prices, with the quarters of an hour in which they apply. A model is found by
    its provider's name for it, and by the ids under which it is chosen."""
    cursor.execute(
        "create temp table rates "
        "(model varchar, begin integer, until integer, input double, output double, cached double)"
    )
    rows = [
        row for model in known.models for row in _intervals(model, [model, *known.model_ids.get(model, [])], prices)
    ]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor.execute(f"insert into rates select {', '.join(f'unnest(${n})' for n in range(1, 7))}", columns)


def _intervals(model: str, names: Sequence[str], prices: Iterable[Price]) -> list[tuple[object, ...]]:
    found = prices_of(names, prices)
    begins = [midnight(price.since, ZoneInfo("UTC")) for price in found]
    return [
        (model, begin, until, price.input, price.output, price.of_cached)
        for price, begin, until in zip(found, begins, [*begins, FOREVER][1:], strict=True)
    ]
