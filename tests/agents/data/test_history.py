"""Colloquy's own conversations as a database: only its views are visible, whatever the query."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from colloquy.agents.catalogue import AgentCatalogue
from colloquy.agents.data.ask import request_of
from colloquy.agents.data.database import describe
from colloquy.agents.data.errors import QueryStoppedError, SqlFailedError, SqlRefusedError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.history_database import HistoryDatabase
from colloquy.agents.data.workers.cancellation import Cancellation
from session_store import DuckDBSessionService, Store
from session_store.history.filters import HistoryFilter
from session_store.models import SessionKey
from tests.agents.talks import Talk
from tests.support.scripted import ScriptedModel


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.duckdb")) as store:
        yield store


@pytest.fixture
def history(store):
    return HistoryDatabase("conversations", store)


@pytest.fixture
async def talk(store):
    """A conversation of two messages and their answers."""
    talk = Talk(ScriptedModel(), agent="assistant", sessions=DuckDBSessionService(store))
    await talk.say("one")
    await talk.say("two")
    return talk


def test_it_has_only_the_views_under_their_short_names(history):
    names = [table.name for table in history.tables()]
    assert names == ["conversations", "feedback", "messages", "tool_calls", "turns"]
    assert all(table.comment for table in history.tables())


async def test_messages_can_be_queried(history, talk):
    assert history.query("select count(*) from messages").table[0][0].as_py() == 4
    assert history.query("select messages from history.conversations").table[0][0].as_py() == 4
    assert describe(history, "messages").values["role"] == ("agent", "user")


@pytest.mark.parametrize("name", ["nothing_here", "named_querys", "session", "events_", "main.named_querys"])
def test_errors_suggest_no_unavailable_table(history, name):
    with pytest.raises((SqlFailedError, SqlRefusedError)) as failed:
        history.query(f"select * from {name}")
    assert "Did you mean" not in str(failed.value)


def test_errors_suggest_views(history):
    with pytest.raises(SqlFailedError, match='Did you mean "conversations"'):
        history.query("select * from conversation")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from sessions",
        "select * from main.turns",
        'select * from "main"."events"',
        "select * from EVENTS",
        "select text from messages union all select data from main.events",
        "select (select count(*) from workspaces)",
        "with a as (select * from result_data) select * from a",
        "select * from events, (with events as (select 1) select * from events)",
        "select * from information_schema.tables",
        "select * from duckdb_tables",
        "select * from sqlite_master",
        "select * from pg_catalog.pg_class",
        "explain select * from events",
        "explain analyze select * from main.events",
        "describe events",
        "from (show tables)",
        "from ( show sessions)",
        "select * from (desc sessions)",
        "from (describe)",
        "with t as (show tables) select * from t",
        "explain select * from (summarize sessions)",
        "select * from duckdb_tables()",
        "select * from information_schema.columns",
        "show all tables from main",
        "describe main.events",
        "summarize sessions",
        "from events",
        "table events",
    ],
)
def test_the_tables_behind_the_views_cannot_be_read(history, sql):
    with pytest.raises(SqlRefusedError):
        history.query(sql)


@pytest.mark.parametrize("sql", ["show tables", "SHOW  TABLES ;", "show all tables"])
def test_only_the_views_are_listed(history, sql):
    listed = history.query(sql).table
    assert listed["name"].to_pylist() == sorted(table.name for table in history.tables())
    assert ("column_names" in listed.column_names) == ("all" in sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select length(repeat(repeat('x', 1000000), a.range)) from range(1000, 3000) a",
        "select \"repeat\"('x', 1000000000)",
        "select 'x'.repeat(1000000000)",
        "select lpad('x', 1000000000)",
        "select format('{:1000000000}', 1)",
        "with recursive r(t) as (select 'x' union all select t || t from r) select length(t) from r",
        "select replace(text, 'e', '" + "x" * 2_000 + "') from messages",
        "select " + " || ".join(["text"] * 20) + " from messages",
    ],
)
def test_functions_that_make_huge_texts_are_refused(history, sql):
    with pytest.raises(SqlRefusedError):
        history.query(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "with mine as (select * from conversations) select count(*) from mine",
        "select c.title, count(*) from conversations c join messages m on m.conversation_id = c.id group by 1",
        "explain select * from messages",
        "describe conversations",
        'summarize history."messages"',
        "select i from range(3) t(i)",
        "from turns",
        "select title || ' (' || agent || ')', replace(title, 'a', 'b') from conversations",
    ],
)
def test_ordinary_queries_pass(history, sql):
    history.query(sql)


def test_an_unknown_name_is_reported_by_the_engine(history):
    with pytest.raises(SqlFailedError, match="does not exist"):
        history.query("select * from chats")


@pytest.mark.parametrize("scope", [None, HistoryFilter(saved=True)])
def test_even_an_early_stop_has_an_effect(store, scope):
    cancellation = Cancellation()
    endless = "select count(*) from range(10000000) a, range(10000000) b where a.range * b.range = 1"
    with ThreadPoolExecutor() as threads:
        running = threads.submit(
            HistoryDatabase("some", store, scope).query, endless, Bounds(seconds=3600), cancellation
        )
        cancellation.cancel()
        with pytest.raises(QueryStoppedError):
            running.result()


def test_recent_writes_are_visible_and_the_answer_gives_its_time(history, store):
    before = time.time()
    for number in range(1, 4):
        store.sessions.create(SessionKey("assistant", "ann", str(number)))
        result = history.query("select count(*) from conversations")
        assert result.table[0][0].as_py() == number
        assert before <= result.as_of <= time.time()


def test_the_same_copy_is_queried_until_something_changes(history, store):
    first = history.query("select 1").as_of
    assert history.query("select 2").as_of == first
    store.sessions.create(SessionKey("assistant", "ann", "new"))
    assert history.query("select 3").as_of > first


async def test_the_suggested_queries_of_the_history_analyst_run(store, history, talk):
    prompts = [prompt for prompt in AgentCatalogue().get("history_analyst").prompts if request_of(prompt.text).is_sql]
    assert prompts
    asking = Talk(ScriptedModel(), agent="history_analyst", history=history)
    await asking.say(prompts[0].text)
    assert asking.kept.tables[0][2].table.to_pylist()[0] == {"agent": "assistant", "conversations": 1, "messages": 4}
    for prompt in prompts[1:]:
        await asking.say(prompt.text)
    assert len(asking.kept.tables) == len(prompts)
