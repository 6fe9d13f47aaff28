"""The tables behind the charts. Columns have the names that the user sees; hidden ones start with ``_``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import duckdb
import pandas as pd

from session_store.analytics.figures import OVER
from session_store.analytics.period import Period, Step, day_at, day_number
from session_store.analytics.scope import bucket
from session_store.store import Store

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TURN_RANGES: Final = ((0, 0), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, 1_000_000))
QUESTIONS: Final = 10
TERMS_FROM: Final = 5_000
"""Words are counted in this many of the newest messages: more would keep the page waiting."""
TERMS_LETTERS: Final = 2_000
"""Characters of a message that are read for this."""
TERM: Final = r"\p{L}[\p{L}\p{N}'\x{2019}-]*[\p{L}\p{N}]{2,}"
NAMES: Final = 12
"""Maximum rows of charts by name: models, tools, agents."""

UNPRICED: Final = "coalesce(sum(input_tokens + output_tokens) filter (cost is null), 0)::bigint"
"""SQL over rows of ``activity_in_scope``: tokens without a known price."""
COST: Final = f"case when {UNPRICED} = 0 then coalesce(sum(cost), 0.0) else sum(cost) end"
"""SQL over rows of ``activity_in_scope``: cost of the tokens with a price, in US dollars; null if none has one."""

Cursor = duckdb.DuckDBPyConnection

_ENGLISH = """
    about above after again against all also and another any anyone anything are aren't because been before being below
    between both but can can't cannot could couldn't did didn't does doesn't doing don't down during each else even
    ever every few for from further get gets give given goes going got had hadn't has hasn't have haven't having her
    here hers him his how however i'd i'll i'm i've into isn't it's its itself just know let let's like look made make
    many may maybe might mine more most much must need new not nothing now off once one only other our ours out over
    own please put really said same say see shall she should show since some someone something still such sure take
    tell than that that's the their theirs them then there there's these they they're thing things think this those
    through thus too try two under until upon use used using very want was wasn't way well were weren't what what's
    when where whether which while who whom whose why will with within without won't work would wouldn't yes yet you
    you're your yours
"""
_GERMAN = """
    aber alle als also auch auf aus bei bin bis bitte das dass dein dem den denn der des die dies diese dieser dir doch
    dort durch ein eine einem einen einer eines etwas euch für gibt haben hat hatte hier ich ihm ihn ihr ihre immer ist
    jetzt kann kannst kein keine können mal man mehr mein meine mich mir mit muss nach nicht noch nur oder ohne sehr
    sein seine sich sie sind soll über und uns unser unter viel vom von vor war warum was weil welche wenn wer werden
    wie will wir wird wurde zum zur zwischen
"""
_FRENCH = """
    aux avec avoir bien ces cet cette chez comme comment dans des deux donc dont elle elles est était être eux faire
    fait ils les leur leurs mais merci mes moi mon même non nos notre nous ont par pas peut plus pour pouvez pouvoir
    quand que quel quelle quels qui quoi sans ses son sont sur tes ton tous tout toute très une vos votre vous
"""
_SPANISH = """
    algo como con cual cuando cómo del desde donde dos ella ellas ellos entre era esa ese eso esta está este esto estos
    favor fue hacer hasta hay las los más mis muy nos nosotros otra otro para pero por porque puede puedes qué quien
    ser sin sobre son soy sus también tener tiene todo todos tus una uno usted
"""
STOP_WORDS: Final = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH}".split())


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and the function that computes its table."""

    name: str
    table: Callable[[Cursor, Period], pd.DataFrame]


def activity(cursor: Cursor, period: Period) -> pd.DataFrame:
    """``Start`` of each step of the period (ISO), with its ``Chats``, ``Messages`` and ``Turns``."""
    start = bucket(period.step)
    found = cursor.execute(
        f"""
        select start, count(distinct session_no) as "Chats", coalesce(sum(messages), 0)::bigint as "Messages",
            coalesce(sum(turns), 0)::bigint as "Turns"
        from (
            select session_no, {start} as start, messages, 0 as turns from activity_in_scope where in_period
            union all
            select session_no, {start}, 0, 1 from turns_in_scope where in_period
            union all
            select session_no, {start}, 0, 0 from sessions_in_scope where begun
        ) group by start
        """
    ).df()
    return _over_time(found, period).fillna(0).astype({"Chats": int, "Messages": int, "Turns": int})


def heat(cursor: Cursor, _: Period) -> pd.DataFrame:
    """``Weekday`` and ``Hour`` in local time, with the ``Questions``: messages written by users. All 168 hours."""
    found = cursor.execute(
        """
        select (local // 96 + 3) % 7 as day, local % 96 // 4 as "Hour", sum(messages)::bigint as "Questions"
        from activity_in_scope where in_period and asked group by all
        """
    ).fetchall()
    counts = {(day, hour): number for day, hour, number in found}
    return pd.DataFrame(
        [(WEEKDAYS[day], hour, counts.get((day, hour), 0)) for day in range(7) for hour in range(24)],
        columns=["Weekday", "Hour", "Questions"],
    )


def models(cursor: Cursor, _: Period) -> pd.DataFrame:
    """``Model``, ``Tokens in``, ``Tokens out``, ``Cost`` (US dollars; NaN without a known price), ``Unpriced
    tokens``."""
    return cursor.execute(
        f"""
        select model as "Model", sum(input_tokens)::bigint as "Tokens in", sum(output_tokens)::bigint as "Tokens out",
            {COST} as "Cost", {UNPRICED} as "Unpriced tokens"
        from activity_in_scope where in_period and model is not null group by model
        order by sum(input_tokens + output_tokens) desc, model limit {NAMES}
        """
    ).df()


def spending(cursor: Cursor, period: Period) -> pd.DataFrame:
    """``Start`` of each step (ISO), with its ``Tokens in``, ``Tokens out``, ``Cost`` (US dollars for the tokens with a
    price; NaN if none has one) and ``Unpriced tokens``."""
    found = cursor.execute(
        f"""
        select {bucket(period.step)} as start, sum(input_tokens)::bigint as "Tokens in",
            sum(output_tokens)::bigint as "Tokens out", {COST} as "Cost", {UNPRICED} as "Unpriced tokens"
        from activity_in_scope where in_period and model is not null group by start
        """
    ).df()
    whole = _over_time(found, period)
    whole.loc[whole["Tokens in"].isna(), "Cost"] = 0.0
    tokens = dict.fromkeys(["Tokens in", "Tokens out", "Unpriced tokens"], 0)
    return whole.fillna(tokens).astype(dict.fromkeys(tokens, int))


def latency(cursor: Cursor, period: Period) -> pd.DataFrame:
    """``Start`` of each step (ISO), with the median and the 95th percentile of the seconds to the ``First word`` and of
    the whole ``Turn``; NaN without measurements."""
    found = cursor.execute(
        f"""
        select start, waits[1] as "First word", waits[2] as "First word, p95", lengths[1] as "Turn",
            lengths[2] as "Turn, p95"
        from (
            select {bucket(period.step)} as start, quantile_cont(wait, [0.5, 0.95]) as waits,
                quantile_cont(seconds, [0.5, 0.95]) as lengths
            from turns_in_scope where in_period group by start
        )
        """
    ).df()
    return _over_time(found, period)


def tools(cursor: Cursor, period: Period) -> pd.DataFrame:
    """``Tool``, the number of its ``Calls``, their outcomes (``Succeeded``, ``Failed``, or ``No answer``), and their
    duration in seconds (``Median``, ``p95``)."""
    return cursor.execute(
        f"""
        select name as "Tool", count(*) as "Calls", count(*) filter (ok) as "Succeeded",
            count(*) filter (not ok) as "Failed", count(*) filter (ok is null) as "No answer",
            quantile_cont(seconds, 0.5) as "Median", quantile_cont(seconds, 0.95) as "p95"
        from tool join sessions_in_scope using (session_no)
        where tool.quarter >= {period.begin} and tool.quarter < {period.end}
        group by name order by count(*) desc, name limit {NAMES}
        """
    ).df()


def turns(cursor: Cursor, _: Period) -> pd.DataFrame:
    """``Turns`` in the period as a range, and the number of ``Chats`` in that range."""
    found = cursor.execute(
        """
        select turns, count(*) from (
            select count(t.session_no) as turns
            from active_sessions s left join turns_in_scope t on t.in_period and t.session_no = s.session_no
            where s.in_period group by s.session_no
        ) group by turns
        """
    ).fetchall()
    rows = [
        (range_label(low, high), sum(number for turns, number in found if low <= turns <= high), low, high)
        for low, high in TURN_RANGES
    ]
    while len(rows) > 1 and rows[-1][1] == 0:
        rows.pop()
    return pd.DataFrame(rows, columns=["Turns", "Chats", "_low", "_high"])


def endings(cursor: Cursor, _: Period) -> pd.DataFrame:
    """``Status`` of turns, the number of ``Turns`` with it and their ``Share`` (of 1), most frequent first."""
    return cursor.execute(
        """
        select status as "Status", count(*) as "Turns", count(*) / sum(count(*)) over () as "Share"
        from turns_in_scope where in_period group by status order by count(*) desc, status
        """
    ).df()


def feedback(cursor: Cursor, period: Period) -> pd.DataFrame:
    """``Start`` of each step (ISO), with the scores given in it (``Positive``, ``Negative``) and the share of positive
    ones (``Share``, of 1; NaN without any)."""
    found = cursor.execute(
        f"""
        select {bucket(period.step)} as start, count(*) filter (positive) as "Positive",
            count(*) filter (not positive) as "Negative", avg(positive::integer) as "Share"
        from feedback_in_scope where in_period group by start
        """
    ).df()
    whole = _over_time(found, period)
    return whole.fillna({"Positive": 0, "Negative": 0}).astype({"Positive": int, "Negative": int})


def agents(cursor: Cursor, _: Period) -> pd.DataFrame:
    """One row per ``Agent``: ``Chats``, ``Messages``, ``Turns``, ``Tokens``, ``Cost``, seconds to the ``First word``
    (median), ``Turn length`` (median), share of ``Failed`` turns (of 1)."""
    return cursor.execute(
        f"""
        with a as (select agent, count(*) as conversations from active_sessions where in_period group by agent),
        m as (select agent, sum(messages)::bigint as messages, sum(input_tokens + output_tokens)::bigint as tokens,
            {COST} as cost from activity_in_scope where in_period group by agent),
        t as (select agent, count(*) as turns, quantile_cont(wait, 0.5) as wait, quantile_cont(seconds, 0.5) as seconds,
            count(*) filter (status = 'failed') / nullif(count(*) filter ({OVER}), 0) as failed
            from turns_in_scope where in_period group by agent)
        select agent as "Agent", conversations as "Chats", coalesce(messages, 0) as "Messages",
            coalesce(turns, 0) as "Turns", coalesce(tokens, 0) as "Tokens", cost as "Cost", wait as "First word",
            seconds as "Turn length", failed as "Failed"
        from a left join m using (agent) left join t using (agent) order by conversations desc, agent limit {NAMES}
        """
    ).df()


def questions(cursor: Cursor, store: Store, period: Period) -> pd.DataFrame:
    """The most frequent ``Question``s (ignoring case and surrounding spaces), ``Times`` asked, and in how many
    ``Chats``. Only questions that were asked more than once."""
    found = cursor.execute(
        f"""
        select question, count(*) as times, min(seq) as seq from question join sessions_in_scope using (session_no)
        where question.quarter >= {period.begin} and question.quarter < {period.end}
        group by question having count(*) > 1 order by times desc, seq limit {QUESTIONS}
        """
    ).fetchall()
    chats = dict(
        cursor.execute(
            f"""
            select question, count(distinct session_no) from question join sessions_in_scope using (session_no)
            where question.quarter >= {period.begin} and question.quarter < {period.end}
                and question in (select unnest($1::ubigint[])) group by question
            """,
            [[row[0] for row in found]],
        ).fetchall()
    )
    texts = dict(
        store.log.database.rows(
            "select seq, text from events where seq in (select unnest($1::bigint[]))", [[row[2] for row in found]]
        )
    )
    rows = [
        (" ".join(texts[seq].split()), times, chats[question], str(question))
        for question, times, seq in found
        if seq in texts
    ]
    return pd.DataFrame(rows, columns=["Question", "Times", "Chats", "_question"])


def terms(cursor: Cursor, store: Store, period: Period) -> Callable[[], pd.DataFrame]:
    """The most common ``Term``s in the newest ``TERMS_FROM`` messages written by users, and in how many ``Messages``
    and ``Chats`` each occurs. Terms are words of three or more letters that are not stop words.

    ``cursor`` is only used here, to find these messages; the returned function reads their words from the store, and
    may run in another thread.
    """
    return partial(_terms, store, _newest_messages(cursor, period))


def term_messages(cursor: Cursor, store: Store, period: Period, term: str) -> list[int]:
    """Return the messages that contain a term, by their ``seq``: among the messages that ``terms`` looks at."""
    seqs = _newest_messages(cursor, period)
    sql = f"{_MESSAGE_WORDS} select seq from message_words where list_contains(words, lower($4))"
    return [seq for (seq,) in store.log.database.rows(sql, [seqs, seqs[-1] if seqs else 0, TERM, term])]


_MESSAGE_WORDS: Final = f"""
    with message_words as (
        select seq, session_no, list_distinct(regexp_extract_all(lower(text[:{TERMS_LETTERS}]), $3)) as words
        from events where seq >= $2 and seq in (select unnest($1::bigint[]))
    )
"""


def _newest_messages(cursor: Cursor, period: Period) -> list[int]:
    found = cursor.execute(
        f"""
        select seq from question join sessions_in_scope using (session_no)
        where question.quarter >= {period.begin} and question.quarter < {period.end}
        order by seq desc limit {TERMS_FROM}
        """
    ).fetchall()
    return [seq for (seq,) in found]


def _terms(store: Store, seqs: list[int]) -> pd.DataFrame:
    found = store.log.database.rows(
        f"""
        {_MESSAGE_WORDS}, single as (select seq, session_no, unnest(words) as term from message_words)
        select term, count(*), count(distinct session_no) from single
        where not list_contains($4::varchar[], term)
        group by term having count(*) > 1 order by count(*) desc, term limit {NAMES}
        """,
        [seqs, seqs[-1] if seqs else 0, TERM, sorted(STOP_WORDS)],
    )
    return pd.DataFrame(found, columns=["Term", "Messages", "Chats"])


def range_label(low: int, high: int) -> str:
    """Format a range of turns."""
    if low == high:
        return str(low)
    return f"over {low - 1}" if high == TURN_RANGES[-1][1] else f"{low}-{high}"


def steps(period: Period) -> list[int]:
    """Return the day numbers with which the steps of a period start; the first may lie before the period."""
    first, last = day_number(period.first), day_number(period.last)
    if period.step is Step.DAY:
        return list(range(first, last + 1))
    if period.step is Step.WEEK:
        return list(range(first - (first + 3) % 7, last + 1, 7))
    return [day for day in range(first - 31, last + 1) if day_at(day).day == 1 and _ends_in(day, first)]


def _ends_in(month: int, first: int) -> bool:
    """Whether the month that starts with this day reaches the first day of the period."""
    begin, day = day_at(month), day_at(first)
    return (begin.year, begin.month) >= (day.year, day.month)


def _over_time(found: pd.DataFrame, period: Period) -> pd.DataFrame:
    whole = found.set_index("start").reindex(steps(period))
    whole.insert(0, "Start", [day_at(day).isoformat() for day in whole.index])
    return whole.reset_index(drop=True)


CHARTS: Final = tuple(
    Chart(table.__name__, table)
    for table in (activity, spending, heat, models, latency, tools, turns, endings, feedback, agents)
)
