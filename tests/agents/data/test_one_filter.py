"""The same filter selects the same conversations in the history table, in figures and for the history analyst."""

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from colloquy.agents.data.history_database import HistoryDatabase
from session_store import Store
from session_store.analytics import Analytics, Period
from session_store.analytics.drill_down import DrillDown, Kind
from session_store.analytics.period import QUARTER
from session_store.analytics.scope import Scope
from session_store.exchange import selected
from session_store.history.filters import HistoryFilter
from session_store.models import GENERAL, SAMPLE_SHOP, TurnStatus
from tests.session_store.analytics.history import History
from tests.session_store.analytics.test_figures import filtered, on
from tests.session_store.events import append, rewind

DAY = date(2026, 5, 4)


@pytest.fixture(scope="module")
def chats(tmp_path_factory):
    """Two days of chats with branches, deleted ones, versions, tags, notes, scores and several models."""
    with closing(Store(tmp_path_factory.mktemp("chats") / "colloquy.duckdb")) as store:
        history = History(store)
        plain = history.chat(on("2026-05-03 23:30"))
        history.turn(plain, on("2026-05-03 23:30"), asked="Is the sea low?")
        history.turn(plain, on("2026-05-04 00:10"), asked="And the tide?")
        store.feedback.set(plain, store.events.list(plain)[-1].event.id, 1)
        other = history.chat(on("2026-05-04 10:00"), agent="poet", user="bob", model="gguf/smol")
        history.turn(other, on("2026-05-04 10:00"), model="SmolLM", chosen="gguf/smol", status=TurnStatus.FAILED)
        history.turn(other, on("2026-05-04 23:50"), model=None, chosen="gguf/smol", status=TurnStatus.STOPPED)
        store.feedback.set(other, store.events.list(other)[1].event.id, -1)
        store.labels.set_tags([other], add=["Sea", "low"])
        store.labels.set_note(other, "The sea, again.")
        store.sessions.set_saved([other], True)
        taken_back = history.chat(on("2026-05-02 10:00"), model="openai/mystery")
        turn = history.turn(taken_back, on("2026-05-04 12:00"), model="mystery", chosen="openai/mystery")
        store.feedback.set(taken_back, store.events.list(taken_back)[-1].event.id, 1)
        append(store, taken_back, rewind(turn))
        gone = history.chat(on("2026-05-04 11:00"), agent="poet")
        history.turn(gone, on("2026-05-04 11:00"), asked="Is the sea low?", status=TurnStatus.FAILED)
        store.labels.set_tags([gone], add=["sea"])
        branch = store.sessions.branch(other, store.events.list(other)[-1].event.id, "branch")
        store.feedback.set(branch.key, store.events.list(branch.key)[1].event.id, 1)
        store.sessions.set_model(branch.key, "openai/other")
        own = store.sessions.branch(plain, store.events.list(plain)[1].event.id, "own")
        history.turn(
            own.key, on("2026-05-04 14:00"), asked="What of the moon?", model="mystery", chosen="openai/mystery"
        )
        store.sessions.move([own.key], SAMPLE_SHOP)
        store.sessions.terminate([own.key])
        for key in (branch.key, own.key):  # begun on the day that is counted, not now
            at = on("2026-05-04 13:00").timestamp()
            store.log.writer.submit(
                lambda transaction, key=key, at=at: transaction.execute(
                    "update sessions set created_at = $1 where id = $2", [at, key.session_id]
                )
            ).result()
        store.sessions.delete([gone])
        names = {key.session_id: name for key, name in ((plain, "plain"), (other, "other"), (taken_back, "taken back"))}
        numbers = {row.number: row.key.session_id for row in store.history.list(HistoryFilter()).items}
        yield SimpleNamespace(store=store, analytics=Analytics(store), names=names, numbers=numbers)


FILTERS = {
    "everything": ({}, {"plain", "other", "taken back", "branch", "own"}),
    "agent": ({"agents": {"poet"}}, {"other", "branch"}),
    "user": ({"users": {"ann"}}, {"plain", "taken back", "own"}),
    "chosen model": ({"models": {"openai/other"}}, {"branch"}),
    "answered by": ({"answered_by": {"SmolLM"}}, {"other"}),
    "answered by another": ({"answered_by": {"mystery"}}, {"taken back", "own"}),
    "tag": ({"tags": {"SEA "}}, {"other"}),
    "workspace": ({"workspace_ids": {SAMPLE_SHOP}}, {"own"}),
    "other workspace": ({"workspace_ids": {GENERAL}}, {"plain", "other", "taken back", "branch"}),
    "saved": ({"saved": True}, {"other"}),
    "not saved": ({"saved": False}, {"plain", "taken back", "branch", "own"}),
    "state": ({"states": {"terminated"}}, {"own"}),
    "status": ({"statuses": {"stopped"}}, {"other", "branch"}),
    "status of a turn": ({"turn_statuses": {"failed", "stopped"}}, {"other"}),
    "thumb up": ({"feedback": "up"}, {"plain", "branch"}),
    "thumb down": ({"feedback": "down"}, {"other"}),
    "text": ({"text": "sea low"}, {"plain", "own"}),
    "updated": ({"since": on("2026-05-04 23:00").timestamp(), "until": on("2026-05-05 00:00").timestamp()}, {"other"}),
    "several": ({"agents": {"poet"}, "saved": False, "statuses": {"stopped"}}, {"branch"}),
    "none": ({"agents": frozenset()}, set()),
}


def named(chats, ids):
    return {chats.names.get(one, one) for one in ids}


def in_table(chats, wanted):
    return named(chats, [row.key.session_id for row in chats.store.history.list(wanted).items])


def in_figures(chats, wanted, period):
    scope = Scope(wanted, period)
    found = chats.analytics.conversations(scope, DrillDown(Kind.ALL))
    assert chats.analytics.report(scope).now.conversations == len(found)
    return named(chats, [chats.numbers[number] for number in found])


def asked(chats, wanted, sql):
    return HistoryDatabase("some", chats.store, wanted).query(sql).table.to_pylist()


def by_analyst(chats, wanted):
    return named(chats, [row["id"] for row in asked(chats, wanted, "select id from conversations")])


def during(period):
    return float(period.begin * QUARTER), float(period.end * QUARTER)


@pytest.mark.parametrize("name", FILTERS)
def test_it_selects_the_same_everywhere(chats, name):
    conditions, expected = FILTERS[name]
    wanted = filtered(**conditions)
    assert in_table(chats, wanted) == expected
    assert named(chats, [key.session_id for key in selected(chats.store, wanted)]) == expected
    assert in_figures(chats, wanted, Period(DAY - timedelta(days=9), DAY, ZoneInfo("UTC"))) == expected
    assert by_analyst(chats, wanted) == expected
    assert HistoryFilter.of_json(wanted.as_json()) == wanted


@pytest.mark.parametrize("conditions", [{}, {"agents": {"poet"}}, {"answered_by": {"mystery"}}], ids=str)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("day", [DAY - timedelta(days=1), DAY], ids=str)
def test_the_analyst_counts_a_day_as_the_analytics_page_does(chats, day, zone, conditions):
    period = Period(day, day, ZoneInfo(zone))
    wanted = replace(filtered(**conditions), within=during(period))
    figures = chats.analytics.report(Scope(filtered(**conditions), period)).now
    assert in_table(chats, wanted) == by_analyst(chats, wanted) == in_figures(chats, filtered(**conditions), period)
    [counted] = asked(
        chats,
        wanted,
        """select (select count(*) from conversations) as conversations, (select count(*) from messages) as messages,
            (select count(distinct "user") from conversations) as users, (select count(*) from turns) as turns,
            (select coalesce(sum(input_tokens), 0)::bigint from conversations) as input_tokens,
            (select coalesce(sum(messages), 0)::bigint from conversations) as shown""",
    )
    assert counted == {
        "conversations": figures.conversations,
        "messages": figures.messages,
        "users": figures.users,
        "turns": figures.turns,
        "input_tokens": figures.input_tokens,
        "shown": figures.messages,
    }


def test_the_analyst_counts_scores_as_the_analytics_page_does(chats):
    today = date.today()  # noqa: DTZ011 - a period around it
    period = Period(DAY - timedelta(days=9), today + timedelta(days=1), ZoneInfo("UTC"))
    figures = chats.analytics.report(Scope(HistoryFilter(), period)).now
    sql = "select avg((score > 0)::integer) as positive, count(*) as given from feedback"
    [counted] = asked(chats, HistoryFilter(within=during(period)), sql)
    assert counted == {"positive": figures.positive, "given": 3}
