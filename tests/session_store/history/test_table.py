"""The table of conversations."""

from __future__ import annotations

import pytest
from google.genai import types

from session_store import Store
from session_store.errors import CursorError
from session_store.history.filters import EVERYTHING, HistoryFilter
from session_store.history.models import HistorySort
from session_store.models import GENERAL, SessionKey, TurnStatus
from session_store.prices import PricesInvalidError, keep_prices
from tests.session_store.events import append, rewind, said
from tests.session_store.history.conversations import BREAD, DAY, STARS, TIDES, answered, ended, rate

USAGE = types.GenerateContentResponseUsageMetadata(prompt_token_count=7, candidates_token_count=3)
ORDERS = {
    HistorySort.UPDATED: [STARS, BREAD, TIDES],
    HistorySort.CREATED: [STARS, BREAD, TIDES],
    HistorySort.TITLE: [TIDES, BREAD, STARS],
    HistorySort.WORKSPACE: [TIDES, STARS, BREAD],
    HistorySort.AGENT: [STARS, BREAD, TIDES],
    HistorySort.MODEL: [STARS, TIDES, BREAD],
    HistorySort.USER: [STARS, BREAD, TIDES],
    HistorySort.MESSAGES: [TIDES, BREAD, STARS],
    HistorySort.TOKENS: [TIDES, BREAD, STARS],
    HistorySort.COST: [TIDES, STARS, BREAD],
    HistorySort.STATUS: [STARS, TIDES, BREAD],
    HistorySort.FEEDBACK: [TIDES, BREAD, STARS],
}
"""Descending, with unknown values last."""


@pytest.fixture
def rated(filled):
    rate(filled)
    return filled


def keys(page):
    return [row.key for row in page.items]


def test_a_row_has_all_columns(rated):
    rated.labels.set_tags([TIDES], add=["sea", "Coast"])
    rated.labels.set_note(TIDES, "Look again")
    rated.sessions.set_saved([TIDES], saved=True)

    row = rated.history.row(TIDES)
    assert (row.title, row.workspace, row.agent, row.model) == ("Tides at the coast", "Work", "analyst", "small")
    assert (row.saved, row.updated_at, row.messages, row.turns) == (True, DAY + 11, 4, 2)
    assert (row.input_tokens, row.output_tokens, row.cost) == (1_000_020, 100_010, 3.00014)
    assert (row.status, row.up, row.down, row.tags, row.note) == ("idle", 1, 0, ("Coast", "sea"), "Look again")
    assert rated.history.list(EVERYTHING, sort=HistorySort.TITLE).items[0] == row
    assert rated.history.row(SessionKey("analyst", "ann", "nobody")) is None


def test_an_unknown_cost_is_not_zero(shown):
    assert shown.history.row(BREAD).cost is None
    assert shown.history.row(STARS).cost == 0.0


def test_a_price_applies_from_its_date(rated, path):
    append(rated, STARS, answered("Ja.", "s1", 3 * DAY, tokens=(1_000_000, 0)))
    append(rated, STARS, answered("Nein.", "s1", 5 * DAY, tokens=(1_000_000, 0)))
    prices = [("small", "1970-01-01", 2), ("small", "1970-01-05", 1)]
    keep_prices(path.parent, [{"model": m, "since": day, "input": price, "output": 0} for m, day, price in prices])

    assert rated.history.row(STARS).cost == 3.0


def test_a_damaged_price_list_is_reported(rated, path):
    (path.parent / "prices.json").write_text("nothing")
    with pytest.raises(PricesInvalidError):
        rated.history.list(EVERYTHING)


@pytest.mark.parametrize("sort", HistorySort)
def test_every_order_can_be_paged_in_both_directions(shown, sort):
    assert keys(shown.history.list(EVERYTHING, sort=sort)) == ORDERS[sort]

    for descending in (True, False):
        whole = keys(shown.history.list(EVERYTHING, sort=sort, descending=descending))
        found, before = [], None
        while before is not None or not found:
            page = shown.history.list(EVERYTHING, sort=sort, descending=descending, before=before, limit=1)
            found += keys(page)
            before = page.next
        assert found == whole
        assert sorted(whole, key=str) == sorted([TIDES, BREAD, STARS], key=str)


@pytest.mark.parametrize("sort", HistorySort)
@pytest.mark.parametrize("descending", [True, False])
def test_neighbors_of_a_conversation_in_every_order(shown, sort, descending):
    listed = keys(shown.history.list(EVERYTHING, sort=sort, descending=descending))
    for place, key in enumerate(listed):
        found = shown.history.neighbours(key, EVERYTHING, sort=sort, descending=descending)
        assert (found.place, found.total) == (place + 1, 3)
        beside = [row.key if row else None for row in (found.before, found.after)]
        assert beside == [listed[place - 1] if place else None, listed[place + 1] if place < 2 else None]


def test_neighbors_respect_the_filter(shown):
    ann = HistoryFilter(users=frozenset({"ann"}))
    found = shown.history.neighbours(BREAD, ann)
    assert (found.place, found.total, found.before) == (1, 2, None)
    assert found.after.key == TIDES
    assert shown.history.neighbours(STARS, ann) is None


def test_a_filter_may_list_conversations(shown):
    numbers = {row.key: row.number for row in shown.history.list(EVERYTHING).items}
    wanted = HistoryFilter(among=frozenset({numbers[TIDES], numbers[STARS]}))
    assert keys(shown.history.list(wanted)) == [STARS, TIDES]
    assert shown.history.count(wanted) == 2
    assert shown.history.count(HistoryFilter(among=frozenset())) == 0


def test_a_row_shows_why_its_last_turn_failed(filled):
    assert [bool(row.error) for row in filled.history.list(EVERYTHING).items] == [False, False, False]
    ended(filled, BREAD, "b2", 2 * DAY + 50, TurnStatus.FAILED)
    filled.turns.update("b2", error="The oven is cold.")
    assert filled.history.row(BREAD).error == "The oven is cold."
    ended(filled, BREAD, "b3", 2 * DAY + 60)
    assert filled.history.row(BREAD).error == ""


def test_unknown_values_come_last_in_both_directions(shown):
    assert keys(shown.history.list(EVERYTHING, sort=HistorySort.COST, descending=False))[-1] == BREAD
    assert keys(shown.history.list(EVERYTHING, sort=HistorySort.TITLE, descending=False)) == [BREAD, TIDES, STARS]


def test_a_cursor_is_valid_only_for_its_order(shown):
    place = shown.history.list(EVERYTHING, sort=HistorySort.COST, limit=1).next
    with pytest.raises(CursorError, match="sorted differently"):
        shown.history.list(EVERYTHING, sort=HistorySort.TITLE, before=place)
    for damaged in ("", "x", place[:-9]):
        with pytest.raises(CursorError):
            shown.history.list(EVERYTHING, sort=HistorySort.COST, before=damaged)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"users": frozenset({"bob"})}, {STARS}),
        ({"workspace_ids": frozenset({GENERAL})}, {BREAD, STARS}),
        ({"workspace_ids": frozenset()}, set()),
        ({"agents": frozenset({"poet", "nobody"})}, {STARS}),
        ({"models": frozenset({"large"})}, {BREAD}),
        ({"tags": frozenset({"SEA", "sky"})}, {TIDES, STARS}),
        ({"statuses": frozenset({"failed"})}, {BREAD}),
        ({"statuses": frozenset({"idle", "terminated"})}, {TIDES, STARS}),
        ({"saved": True}, {BREAD}),
        ({"saved": False}, {TIDES, STARS}),
        ({"since": 2 * DAY + 1}, {BREAD, STARS}),
        ({"until": 2 * DAY + 1}, {TIDES}),
        ({"since": 2 * DAY, "until": 3 * DAY}, {BREAD}),
        ({"feedback": "up"}, {TIDES}),
        ({"feedback": "down"}, {BREAD}),
        ({"text": "low"}, {TIDES, BREAD}),
        ({"text": "low noon"}, {TIDES}),
        ({"text": '"low tide"'}, {TIDES}),
        ({"text": "COAST"}, {TIDES}),
        ({"text": "height"}, {TIDES}),
        ({"text": "äquator"}, {STARS}),
        ({"text": "noon evening"}, set()),
        ({"text": "low", "agents": frozenset({"analyst"}), "statuses": frozenset({"failed"})}, {BREAD}),
    ],
)
def test_filters_select_and_count_the_same(shown, wanted, expected):
    found = shown.history.list(HistoryFilter(**wanted))
    assert set(keys(found)) == expected
    assert shown.history.count(HistoryFilter(**wanted)) == len(expected)


def test_deleted_conversations_and_rewound_turns_are_not_listed(rated):
    ended(rated, STARS, "s2", 4 * DAY)
    append(
        rated,
        STARS,
        said("Taken back", turn="s2", timestamp=4 * DAY),
        said("In vain", author="guide", turn="s2", timestamp=4 * DAY, model_version="small-1", usage_metadata=USAGE),
        rewind("s2"),
    )
    before = rated.history.row(STARS)
    assert before.input_tokens + before.output_tokens >= 10, "what was spent is counted"
    rated.sessions.delete([BREAD])

    assert set(keys(rated.history.list(EVERYTHING))) == {TIDES, STARS}
    assert rated.history.row(BREAD) is None
    assert (rated.history.row(STARS).messages, rated.history.row(STARS).turns) == (1, 1)
    assert rated.history.count(HistoryFilter(text="taken")) == 0


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (TurnStatus.RUNNING, "running"),
        (TurnStatus.PAUSED, "paused"),
        (TurnStatus.QUEUED, "queued"),
        (TurnStatus.STOPPED, "stopped"),
        (TurnStatus.INTERRUPTED, "interrupted"),
        (TurnStatus.COMPLETED, "idle"),
    ],
)
def test_the_status_is_that_of_the_session_or_of_its_last_turn(rated, last, status):
    ended(rated, TIDES, "t3", 5 * DAY, last)
    assert rated.history.row(TIDES).status == status
    rated.sessions.terminate([TIDES])
    assert rated.history.row(TIDES).status == (status if last in {"running", "paused", "queued"} else "terminated")


def test_a_new_event_moves_its_conversation_up(rated):
    append(rated, TIDES, said("Once more", turn="t9", timestamp=9 * DAY))
    assert keys(rated.history.list(EVERYTHING))[0] == TIDES
    assert keys(rated.history.list(HistoryFilter(since=9 * DAY))) == [TIDES]


def test_filters_offer_the_values_in_the_store(shown):
    choices = shown.history.choices()
    assert (choices.agents, choices.models, choices.users) == (("analyst", "poet"), ("large", "small"), ("ann", "bob"))
    assert len(choices.workspace_ids) == 2


def test_an_empty_store_has_an_empty_table(store: Store):
    for sort in HistorySort:
        assert store.history.list(EVERYTHING, sort=sort).items == ()
    assert store.history.count(EVERYTHING) == 0
    assert store.history.choices().agents == ()
