"""Computes in SQL what sessions' tokens cost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from session_store.engine.database import Database
from session_store.model_names import NAMES, UNNAMED
from session_store.prices import FOREVER, Price, price_list, prices_of

COSTS: Final = f"""
    select u.session_no, case when count(*) filter (r.model is null) = 0
        then round(sum(
            (u.input_tokens - u.cached_tokens) * r.input + u.cached_tokens * r.cached + u.output_tokens * r.output
        ) / 1e6, 9) end as cost
    from (
        select session_no, model, null as chosen, floor(timestamp / 86400)::integer as day,
            coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(output_tokens), 0) as output_tokens,
            coalesce(sum(least(cached_tokens, input_tokens)), 0) as cached_tokens
        from events where model is not null and (input_tokens > 0 or output_tokens > 0) {{among}}
        group by all
        union all
        select e.session_no, null, coalesce(t.model, s.model), floor(e.timestamp / 86400)::integer,
            coalesce(sum(e.input_tokens), 0), coalesce(sum(e.output_tokens), 0),
            coalesce(sum(least(e.cached_tokens, e.input_tokens)), 0)
        from (
            select session_no, invocation_id, timestamp, input_tokens, output_tokens, cached_tokens from events
            where {UNNAMED} and (input_tokens > 0 or output_tokens > 0) {{among}}
        ) e join sessions s using (session_no) left join turns t on t.id = e.invocation_id group by all
    ) u
    left join (select unnest($chosen::varchar[]) as chosen, unnest($named::varchar[]) as name) a using (chosen)
    left join (
        select unnest($priced::varchar[]) as model, unnest($begin::integer[]) as begin,
            unnest($end::integer[]) as until, unnest($input::double[]) as input, unnest($output::double[]) as output,
            unnest($cached::double[]) as cached
    ) r on r.model = coalesce(u.model, a.name) and u.day >= r.begin and u.day < r.until
    group by u.session_no
"""
"""Cost by session, including all versions of messages: no row without tokens, null where a price is missing."""


def cost_values(database: Database, folder: Path) -> dict[str, Any]:
    """Return the parameters of ``COSTS``: the providers' names for the chosen models, and the price list of a folder.

    Raises:
        PricesInvalidError: the price list is damaged.
    """
    prices = price_list(folder)
    names = dict(database.rows(NAMES))
    answering = {name for (name,) in database.rows("select distinct model from events where model is not null")}
    rates = [
        rate
        for model in sorted(answering | set(names.values()))
        for rate in _rates(model, [chosen for chosen, name in sorted(names.items()) if name == model], prices)
    ]
    columns = ("priced", "begin", "end", "input", "output", "cached")
    return {
        "chosen": list(names),
        "named": list(names.values()),
        **{column: [rate[place] for rate in rates] for place, column in enumerate(columns)},
    }


def _rates(model: str, chosen: list[str], prices: tuple[Price, ...]) -> list[tuple[str, int, int, float, float, float]]:
    """Return the prices of a model with the days (since 1970) from which and until which they apply."""
    found = prices_of([model, *chosen], prices)
    days = [_day(price.since) for price in found]
    return [
        (model, begin, end, price.input, price.output, price.of_cached)
        for price, begin, end in zip(found, days, [*days, FOREVER][1:], strict=True)
    ]


def _day(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // 86400
