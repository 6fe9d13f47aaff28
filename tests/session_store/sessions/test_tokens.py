"""All tokens that models read and wrote are counted: thoughts, cached input, and what the provider's tools added."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from google.genai import types

from session_store import Store
from session_store.analytics import Analytics, Period
from session_store.analytics.scope import Scope
from session_store.history.filters import EVERYTHING
from session_store.models import SessionKey
from session_store.prices import Price, keep_prices, price_list
from session_store.sessions.event_rows import Tokens, tokens_of
from tests.session_store.events import append, said

KEY = SessionKey("agent", "ann", "one")
AT = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def usage(prompt=None, answer=None, thoughts=None, **others):
    names = {"cached": "cached_content_token_count", "tools": "tool_use_prompt_token_count"}
    return types.GenerateContentResponseUsageMetadata(
        prompt_token_count=prompt,
        candidates_token_count=answer,
        thoughts_token_count=thoughts,
        **{names.get(name, f"{name}_token_count"): count for name, count in others.items()},
    )


@pytest.mark.parametrize(
    ("reported", "counted"),
    [
        (None, Tokens()),
        (usage(), Tokens()),
        (usage(10, 5), Tokens(10, 5)),
        (usage(10, 5, total=15), Tokens(10, 5)),
        # Gemini: all counts are separate.
        (usage(400, 900, 3_000, cached=150, tools=600, total=4_900), Tokens(1_000, 3_900, 3_000, 150)),
        (usage(400, 900, 3_000, cached=150, tools=600), Tokens(1_000, 3_900, 3_000, 150)),
        # Cut off while still thinking.
        (usage(400, None, 3_000, total=3_400), Tokens(400, 3_000, 3_000)),
        # OpenAI: thoughts are included in the output.
        (usage(100, 50, 30, cached=64, total=150), Tokens(100, 50, 30, 64)),
        # Providers that include tool results in the prompt.
        (usage(400, 100, tools=300, total=500), Tokens(400, 100)),
        (usage(0, 0, total=0), Tokens(0, 0)),
        # Impossible counts.
        (usage(10**30, -5, total=-1), Tokens()),
        (usage(10, 2**31, 5, cached=-1), Tokens(10, 5, 5)),
    ],
)
def test_every_token_is_counted_once_for_every_provider(reported, counted):
    assert tokens_of(reported) == counted


@pytest.fixture
def store(path):
    store = Store(path)
    store.sessions.create(KEY, model="thinker")
    append(store, KEY, said("Think hard.", turn="t1", timestamp=AT))
    answer = said("Done.", author="agent", turn="t1", timestamp=AT + 5, model_version="thinker")
    answer.usage_metadata = usage(400, 900, 3_000, cached=150, tools=600, total=4_900)
    append(store, KEY, answer)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("cached", "cost"),
    [(None, 1_000 * 1.0 + 3_900 * 2.0), (0.1, 850 * 1.0 + 150 * 0.1 + 3_900 * 2.0), (0.0, 850 * 1.0 + 3_900 * 2.0)],
    ids=["no price of its own", "cheaper", "free"],
)
def test_figures_and_costs_include_all_tokens_and_cached_ones_have_their_own_price(store, path, cached, cost):
    row = {"model": "thinker", "since": "2026-01-01", "input": 1.0, "output": 2.0, "cached": cached}
    keep_prices(path.parent, [row])

    listed = store.history.row(KEY)
    assert (listed.input_tokens, listed.output_tokens) == (1_000, 3_900)
    assert listed.cost == pytest.approx(cost / 1e6)
    period = Period(date(2026, 3, 1), date(2026, 3, 3), ZoneInfo("UTC"))
    report = Analytics(store).report(Scope(EVERYTHING, period, price_list(path.parent)))
    assert (report.now.input_tokens, report.now.output_tokens) == (1_000, 3_900)
    assert report.now.cost == pytest.approx(cost / 1e6)
    with store.cursor() as cursor:
        cursor.execute("select input_tokens, output_tokens, thought_tokens, cached_tokens from messages")
        assert cursor.fetchall()[-1] == (1_000, 3_900, 3_000, 150)


def test_more_cached_than_input_tokens_never_make_a_negative_cost(store, path):
    odd = said("Odd.", author="agent", turn="t1", timestamp=AT + 6, model_version="odd")
    odd.usage_metadata = usage(10, 0, cached=1_000)
    append(store, KEY, odd)
    keep_prices(
        path.parent,
        [
            {"model": "odd", "since": "2026-01-01", "input": 1.0, "output": 1.0, "cached": 0.5},
            {"model": "thinker", "since": "2026-01-01", "input": 0.0, "output": 0.0},
        ],
    )
    assert store.history.row(KEY).cost == pytest.approx(10 * 0.5 / 1e6)


def test_a_price_for_cached_input_is_saved_and_optional(tmp_path):
    row = {"model": "m", "since": date(2026, 1, 1), "input": 1.0, "output": 2.0}
    keep_prices(tmp_path, [row | {"cached": 0.25}, row | {"model": "n", "cached": float("nan")}, row | {"model": "o"}])
    assert price_list(tmp_path) == (
        Price("m", date(2026, 1, 1), 1.0, 2.0, 0.25),
        Price("n", date(2026, 1, 1), 1.0, 2.0),
        Price("o", date(2026, 1, 1), 1.0, 2.0),
    )
