"""Finds the conversations behind a figure or a point of a chart."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from session_store.analytics.period import local
from session_store.analytics.rollups import Rollups
from session_store.analytics.scope import Scope, scoped_cursor, session_condition
from session_store.store import Store


class Kind(StrEnum):
    """What a figure or point stands for; the values that identify it are in brackets."""

    ALL = "all"
    DAYS = "days"
    """[first and last day number]"""
    HOUR = "hour"
    """[weekday from 0 for Monday, hour]"""
    MODEL = "model"
    """[model]"""
    UNPRICED = "unpriced"
    """[models with tokens without a known price]"""
    TOOL = "tool"
    """[tool]"""
    TOOL_FAILED = "tool-failed"
    """[tool]"""
    RATED = "rated"
    """[whether positive]"""
    RATED_DAYS = "rated-days"
    """[whether positive, first and last day number]"""
    TURNS = "turns"
    """[minimum and maximum number of turns]"""
    AGENT = "agent"
    """[agent]"""
    QUESTION = "question"
    """[hash of the question]"""
    TERM = "term"
    """[word]; ``charts.term_messages`` turns it into ``MESSAGES``"""
    MESSAGES = "messages"
    """[``seq`` of messages in the store]"""
    STATUS = "status"
    """[status of a turn]"""
    SLOW_FIRST_WORD = "slow-first-word"
    """[seconds]"""
    SLOW_TURN = "slow-turn"
    """[seconds]"""


LISTS: Final = (Kind.UNPRICED, Kind.MESSAGES)
"""Kinds whose values are a single list."""
ABOUT_FEEDBACK: Final = (Kind.RATED, Kind.RATED_DAYS)
"""Kinds for which a score given in the period suffices, whenever the conversation took place."""
_CONDITIONS: Final = {
    Kind.ALL: "true",
    Kind.DAYS: """session_no in (
        select session_no from quarters_with_activity
        where {local} // 96 between $1 and $2 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.HOUR: """session_no in (
        select session_no from activity where asked and messages > 0 and quarter >= {begin} and quarter < {end}
            and ({local} // 96 + 3) % 7 = $1 and {local} % 96 // 4 = $2
    )""",
    Kind.MODEL: """session_no in (
        select session_no from activity where model = $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.UNPRICED: """session_no in (
        select session_no from activity_in_scope where in_period and cost is null and input_tokens + output_tokens > 0
            and list_contains($1::varchar[], model)
    )""",
    Kind.TOOL: """session_no in (
        select session_no from tool where name = $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.TOOL_FAILED: """session_no in (
        select session_no from tool where name = $1 and not ok and quarter >= {begin} and quarter < {end}
    )""",
    Kind.RATED: """session_no in (
        select session_no from feedback where positive = $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.RATED_DAYS: """session_no in (
        select session_no from feedback where positive = $1 and {local} // 96 between $2 and $3
            and quarter >= {begin} and quarter < {end}
    )""",
    Kind.TURNS: """(
        select count(*) from turn where turn.session_no = session.session_no and quarter >= {begin} and quarter < {end}
    ) between $1 and $2""",
    Kind.AGENT: "agent = $1",
    Kind.QUESTION: """session_no in (
        select session_no from question where question = $1::ubigint and quarter >= {begin} and quarter < {end}
    )""",
    Kind.MESSAGES: """session_no in (
        select session_no from question where seq in (select unnest($1::bigint[]))
    )""",
    Kind.STATUS: """session_no in (
        select session_no from turn where status = $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.SLOW_FIRST_WORD: """session_no in (
        select session_no from turn where wait >= $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.SLOW_TURN: """session_no in (
        select session_no from turn where seconds >= $1 and quarter >= {begin} and quarter < {end}
    )""",
}
_SQL: Final = """
    with quarters_with_activity as (
        select session_no, quarter from activity union all select session_no, quarter from turn
        union all select session_no, quarter from session {also}
    )
    select session_no from session where ({filters}) and ({condition}) and session_no in (
        select session_no from quarters_with_activity where quarter >= {begin} and quarter < {end}
    )
"""


@dataclass(frozen=True, slots=True)
class DrillDown:
    """What the user clicked."""

    kind: Kind
    values: tuple[Any, ...] = ()

    @property
    def parameters(self) -> list[Any]:
        """The values as query parameters."""
        return [list(self.values)] if self.kind in LISTS else list(self.values)


def conversations(store: Store, rollups: Rollups, scope: Scope, drill_down: DrillDown) -> list[int]:
    """Return the conversations behind a figure or point, by their numbers in the store."""
    period = scope.period
    values = drill_down.parameters
    filters, wanted = session_condition(store, scope, len(values) + 1)
    begin, end = period.begin, period.end
    condition = _CONDITIONS[drill_down.kind].format(
        begin=begin, end=end, local=local("quarter", period.zone, begin, end)
    )
    also = "union all select session_no, quarter from feedback" if drill_down.kind in ABOUT_FEEDBACK else ""
    sql = _SQL.format(begin=begin, end=end, also=also, filters=filters, condition=condition)
    # Whether a price is known depends on the day: only a report's tables have that.
    cursor = scoped_cursor(store, rollups, scope) if drill_down.kind is Kind.UNPRICED else rollups.connection.cursor()
    with contextlib.closing(cursor):
        return [number for (number,) in cursor.execute(sql, [*values, *wanted]).fetchall()]
