"""From a figure or a point of a chart to the conversations behind it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from session_store.analytics.facts import Facts
from session_store.analytics.scope import Scope
from session_store.analytics.zones import QUARTER, local


class Kind(StrEnum):
    """What a figure or point stands for; in brackets the values that name it."""

    ALL = "all"
    DAYS = "days"
    """[first and last day number]"""
    HOUR = "hour"
    """[weekday from 0 for Monday, hour]"""
    MODEL = "model"
    """[model]"""
    UNPRICED = "unpriced"
    """[models whose price is not known]"""
    TOOL = "tool"
    """[tool]"""
    RATED = "rated"
    """[whether positive]"""
    TURNS = "turns"
    """[least and greatest number of turns]"""
    AGENT = "agent"
    """[agent]"""
    QUESTION = "question"
    """[hash of the question]"""
    FAILED = "failed"
    SLOW_FIRST_WORD = "slow-first-word"
    """[seconds]"""
    SLOW_TURN = "slow-turn"
    """[seconds]"""


_CONDITIONS: Final = {
    Kind.ALL: "true",
    Kind.DAYS: """session_no in (
        select session_no from happened where {local} // 96 between $1 and $2 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.HOUR: """session_no in (
        select session_no from activity where asked and messages > 0 and quarter >= {begin} and quarter < {end}
            and ({local} // 96 + 3) % 7 = $1 and {local} % 96 // 4 = $2
    )""",
    Kind.MODEL: """session_no in (
        select session_no from activity where model = $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.UNPRICED: """session_no in (
        select session_no from activity where list_contains($1::varchar[], model) and quarter >= {begin}
            and quarter < {end}
    )""",
    Kind.TOOL: """session_no in (
        select session_no from tool where name = $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.RATED: """session_no in (
        select session_no from feedback where positive = $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.TURNS: """(
        select count(*) from turn where turn.session_no = session.session_no and quarter >= {begin} and quarter < {end}
    ) between $1 and $2""",
    Kind.AGENT: "agent = $1",
    Kind.QUESTION: """session_no in (
        select session_no from question where question = $1::ubigint and quarter >= {begin} and quarter < {end}
    )""",
    Kind.FAILED: """session_no in (
        select session_no from turn where status = 'failed' and quarter >= {begin} and quarter < {end}
    )""",
    Kind.SLOW_FIRST_WORD: """session_no in (
        select session_no from turn where wait >= $1 and quarter >= {begin} and quarter < {end}
    )""",
    Kind.SLOW_TURN: """session_no in (
        select session_no from turn where seconds >= $1 and quarter >= {begin} and quarter < {end}
    )""",
}
_SQL: Final = """
    with happened as (
        select session_no, quarter from activity union all select session_no, quarter from turn
        union all select session_no, quarter from session
    ), latest as (
        select session_no, max(quarter) as latest from happened where quarter >= {begin} and quarter < {end}
        group by session_no
    ), chosen as (
        select session.*, latest from session join latest using (session_no) where ({filters}) and ({condition})
    ), page as (
        select *, count(*) over () as number from chosen order by latest desc, session_no desc limit {limit}
    )
    select page.id, page.title, page.agent, page.model, page.user_id, page.latest, page.number,
        (select sum(messages) from activity a where a.session_no = page.session_no) as messages
    from page order by latest desc, session_no desc
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """What a person picked."""

    kind: Kind
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row of the list. ``latest`` is when it last had something in the period, to the quarter of an hour (Unix
    seconds); ``messages`` are those of the whole conversation."""

    id: str
    title: str
    agent: str
    model: str | None
    user: str
    latest: float
    messages: int


def conversations(facts: Facts, scope: Scope, behind: Behind, limit: int) -> tuple[list[Conversation], int]:
    """The newest ``limit`` conversations behind a figure or point, and how many there are."""
    period = scope.period
    values = [list(behind.values)] if behind.kind is Kind.UNPRICED else list(behind.values)
    filters, wanted = scope.filters.condition()
    for number in range(len(wanted), 0, -1):
        filters = filters.replace(f"${number}:", f"${number + len(values)}:")
    begin, end = period.begin, period.end
    condition = _CONDITIONS[behind.kind].format(begin=begin, end=end, local=local("quarter", period.zone, begin, end))
    sql = _SQL.format(begin=begin, end=end, filters=filters, condition=condition, limit=int(limit))
    rows = facts.connection.cursor().execute(sql, [*values, *wanted]).fetchall()
    found = [
        Conversation(session_id, title, agent, model, user, latest * QUARTER, int(messages or 0))
        for session_id, title, agent, model, user, latest, _, messages in rows
    ]
    return found, rows[0][6] if rows else 0
