"""Reports are computed once, and again only after a change that they depend on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from google.genai import types

from session_store.analytics import Analytics, Period
from session_store.analytics.scope import Scope
from session_store.history.filters import EVERYTHING
from session_store.models import TitleSource, TurnStatus
from tests.session_store.analytics.history import History
from tests.session_store.analytics.test_figures import BERLIN, PRICES, filtered, on
from tests.session_store.analytics.test_hard_cases import DAY
from tests.session_store.events import append

AT = on("2026-05-04 10:00")


@pytest.fixture
def history(store):
    return History(store)


@pytest.fixture
def chat(history):
    """A chat with an answer, and a second turn that is running."""
    key = history.chat(AT)
    history.turn(key, AT)
    history.turn(key, on("2026-05-04 10:05"), status=TurnStatus.RUNNING, wait=None, seconds=None, tokens=None)
    return key


@pytest.fixture
def analytics(store, chat):
    return Analytics(store)


def scope(**filters):
    tomorrow = datetime.now(BERLIN).date() + timedelta(days=1)  # feedback counts when it is given
    return Scope(filtered(**filters) if filters else EVERYTHING, Period(DAY, tomorrow, BERLIN), PRICES)


def shown(analytics):
    """What a page run reads: the choices of the filters, and the report."""
    return analytics.rollups().choices, analytics.report(scope()).now


def running(store, key):
    return store.turns.unfinished(key)[0].id


UNSEEN = {
    "chunks of a running answer": lambda store, key: store.turns.append_chunks({running(store, key): "Once upon"}),
    "a look at the chat": lambda store, key: store.sessions.mark_seen(key),
    "a query that was run": lambda store, key: store.queries.record("select 1", seconds=0.1, row_count=1),
    "nothing at all": lambda store, key: store.log.writer.submit(lambda _: None).result(),
}


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN)
def test_what_no_figure_depends_on_costs_the_page_no_query(store, chat, analytics, monkeypatch, change):
    before, report = shown(analytics), analytics.report(scope())
    for _ in range(3):
        change(store, chat)
    reading, queries = store.log.database.reading, []
    monkeypatch.setattr(store.log.database, "reading", lambda: queries.append(1) or reading())
    assert shown(analytics) == before
    assert analytics.report(scope()) is report
    assert queries == []


def test_update_times_that_reach_the_file_later_change_no_figure(store, chat, analytics):
    report = analytics.report(scope())
    store.log.memory.unsaved_times[store.log.recall(chat).head.session_no] = AT.timestamp() + 1
    store.log.writer.submit(store.log._save_times).result()
    assert analytics.report(scope()) is report


def append_answer(store, key):
    event = History(store).event(running(store, key), AT.timestamp() + 400, [types.Part(text="Here.")], "assistant")
    append(store, key, event)


def answer_of(store, key):
    return store.events.list(key)[1].event.id


CHANGES = {
    "an event": (append_answer, lambda choices, now: now.messages, 3, 4),
    "the end of a turn": (
        lambda store, key: store.turns.update(running(store, key), status=TurnStatus.FAILED, ended_at=AT.timestamp()),
        lambda choices, now: now.failures,
        0.0,
        0.5,
    ),
    "feedback": (
        lambda store, key: store.feedback.set(key, answer_of(store, key), 1),
        lambda choices, now: now.positive,
        None,
        1.0,
    ),
    "a tag": (
        lambda store, key: store.labels.set_tags([key], add=["urgent"]),
        lambda choices, now: choices.tags,
        [],
        ["urgent"],
    ),
    "saving": (lambda store, key: store.sessions.set_saved([key], True), lambda choices, now: choices.saved, 0, 1),
    "deletion": (lambda store, key: store.sessions.delete([key]), lambda choices, now: now.conversations, 1, 0),
    "a new chat": (
        lambda store, key: History(store).chat(on("2026-05-04 11:00"), agent="analyst"),
        lambda choices, now: choices.agents,
        ["assistant"],
        ["analyst", "assistant"],
    ),
    "removal for good": (
        lambda store, key: store.log.remove([key]).result(),
        lambda choices, now: now.messages,
        3,
        0,
    ),
}


@pytest.mark.parametrize(("change", "figure", "before", "after"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_figure_shows_on_the_next_page_run(store, chat, analytics, *, change, figure, before, after):
    known, report = figure(*shown(analytics)), analytics.report(scope())
    change(store, chat)
    assert (known, figure(*shown(analytics))) == (before, after)
    assert analytics.report(scope()) is not report


def test_a_new_title_is_found_by_the_filter_of_words(store, chat, analytics):
    tides = scope(text="tides")
    assert analytics.report(tides).now.conversations == 0
    store.sessions.rename(chat, "Tides at the coast", TitleSource.PERSON)
    assert analytics.report(tides).now.conversations == 1
