"""The figures at the top of the page."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

OVER = "status in ('completed', 'stopped', 'failed', 'interrupted')"


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one period. Durations are in seconds, None without measurements. ``cost`` is in US dollars, for the
    tokens with a known price; None if there are tokens, but none with a price. ``failures`` is a share of 1, None until
    a turn is over; ``positive`` is a share of the scores given, None without any."""

    conversations: int = 0
    users: int = 0
    messages: int = 0
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    unpriced_tokens: int = 0
    wait: float | None = None
    wait_p95: float | None = None
    seconds: float | None = None
    seconds_p95: float | None = None
    failures: float | None = None
    positive: float | None = None


_SQL = f"""
    with a as (
        select in_period, count(*) as conversations, count(distinct user_id) as users
        from active_sessions group by in_period
    ), m as (
        select in_period, sum(messages)::bigint as messages, sum(input_tokens)::bigint as input_tokens,
            sum(output_tokens)::bigint as output_tokens, sum(cost) as known,
            coalesce(sum(input_tokens + output_tokens) filter (cost is null), 0)::bigint as unpriced_tokens
        from activity_in_scope group by in_period
    ), t as (
        select in_period, count(*) as turns, quantile_cont(wait, [0.5, 0.95]) as waits,
            quantile_cont(seconds, [0.5, 0.95]) as lengths,
            count(*) filter (status = 'failed') / nullif(count(*) filter ({OVER}), 0) as failures
        from turns_in_scope group by in_period
    ), f as (select in_period, avg(positive::integer) as positive from feedback_in_scope group by in_period)
    select in_period, coalesce(conversations, 0), coalesce(users, 0), coalesce(messages, 0), coalesce(turns, 0),
        coalesce(input_tokens, 0), coalesce(output_tokens, 0),
        case when coalesce(unpriced_tokens, 0) = 0 then coalesce(known, 0.0) else known end,
        coalesce(unpriced_tokens, 0), waits[1], waits[2], lengths[1], lengths[2], failures, positive
    from a full join m using (in_period) full join t using (in_period) full join f using (in_period)
"""


def figures(cursor: duckdb.DuckDBPyConnection) -> tuple[Figures, Figures]:
    """Return the figures of the period, and of the one before it."""
    found = {row[0]: Figures(*row[1:]) for row in cursor.execute(_SQL).fetchall()}
    return found.get(True, Figures()), found.get(False, Figures())
