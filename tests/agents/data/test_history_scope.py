"""A question about the history within the filters of a page: what they exclude is out of reach of any query."""

from contextlib import closing
from datetime import date

import pytest

from colloquy.agents.data.errors import SqlFailedError, SqlRefusedError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.history_database import HistoryDatabase
from colloquy.agents.data.history_scope import STATE, ScopeInvalidError, scope_in, scope_in_words
from colloquy.demo import fill
from session_store import Store
from session_store.history.filters import HistoryFilter
from session_store.models import SessionKey

VIEWS = ("conversations", "messages", "turns", "tool_calls", "feedback")
BEHIND = ("sessions", "events", "turns", "feedback", "workspaces", "named_queries", "asked_queries", "tags")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("history") / "colloquy.duckdb"
    fill(path, sessions=300, until=date(2026, 6, 1))
    with closing(Store(path)) as store:
        yield store


@pytest.fixture(scope="module")
def everything(store):
    return HistoryDatabase("all", store)


def narrowed(store, **filters):
    return HistoryDatabase("some", store, HistoryFilter(**filters))


def value(database, sql):
    return database.query(sql).table[0][0].as_py()


def values(database, sql):
    return database.query(sql).table[0].to_pylist()


def assert_only(database, everything, condition):
    """Check that exactly the conversations that meet a condition are visible, each as a whole."""
    chosen = values(everything, f"select id from conversations where {condition} order by id")
    assert 0 < len(chosen) < 300
    assert values(database, "select id from conversations order by id") == chosen
    assert values(database, "select id from history.conversations order by id") == chosen
    for view in VIEWS[1:]:
        inside = f"conversation_id in (select id from conversations where {condition})"
        assert value(database, f"select count(*) from {view}") == value(
            everything, f"select count(*) from {view} where {inside}"
        )


class TestFilters:
    def test_an_unlimited_scope_shows_everything(self, store, everything):
        database = narrowed(store)
        for view in VIEWS:
            rows = f"select * from {view} order by all"
            bounds = Bounds(rows=10_000_000)
            assert database.query(rows, bounds).table.equals(everything.query(rows, bounds).table)

    def test_agents(self, store, everything):
        database = narrowed(store, agents=frozenset({"assistant", "qa_engineer"}))
        assert_only(database, everything, "agent in ('assistant', 'qa_engineer')")

    def test_models_users_and_saved_ones(self, store, everything):
        [model, *_] = values(everything, "select model from conversations group by 1 order by count(*) desc")
        [user, *_] = values(everything, 'select "user" from conversations group by 1 order by count(*) desc')
        assert_only(narrowed(store, models=frozenset({model})), everything, f"model = '{model}'")
        assert_only(narrowed(store, users=frozenset({user})), everything, f"\"user\" = '{user}'")
        assert_only(narrowed(store, saved=True), everything, "saved")
        assert_only(narrowed(store, saved=False), everything, "not saved")

    def test_workspaces_by_id(self, store, everything):
        ids = {one.name: one.id for one in store.workspaces.list()}
        [name, *_] = values(everything, "select workspace from conversations group by 1 order by count(*)")
        assert_only(narrowed(store, workspace_ids=frozenset({ids[name]})), everything, f"workspace = '{name}'")

    def test_when_they_were_last_continued(self, store, everything):
        begin, end = 1_760_000_000.0, 1_770_000_000.0
        condition = f"epoch(updated_at) >= {begin} and epoch(updated_at) < {end}"
        assert_only(narrowed(store, since=begin, until=end), everything, condition)

    def test_words_in_titles_messages_and_tool_calls(self, store, everything):
        word = value(
            everything, "select split_part(text, ' ', 2) from messages where role = 'user' and text like '% %'"
        )
        condition = f"""contains(lower(title), lower('{word}')) or id in (
            select conversation_id from messages where contains(lower(text), lower('{word}')))"""
        database = narrowed(store, text=word.upper())
        shown = set(values(database, "select id from conversations"))
        assert (
            set(values(everything, f"select id from conversations where {condition}"))
            <= shown
            < set(values(everything, "select id from conversations"))
        )

    def test_thumbs_and_turns(self, store, everything):
        for thumb, score in (("up", 1), ("down", -1)):
            condition = f"id in (select conversation_id from feedback where score = {score})"
            assert_only(narrowed(store, feedback=thumb), everything, condition)
        condition = "id in (select conversation_id from turns where status = 'failed')"
        assert_only(narrowed(store, turn_statuses=frozenset({"failed"})), everything, condition)

    def test_statuses_match_the_history_page(self, store, everything):
        for status in ("failed", "stopped", "idle"):
            ended = "last_turn_status in ('failed', 'stopped', 'interrupted')"
            condition = f"case when {ended} then last_turn_status else status end = '{status}'"
            assert_only(narrowed(store, statuses=frozenset({status})), everything, condition)
        assert value(narrowed(store, states=frozenset({"idle"})), "select count(*) from conversations") == 300

    @pytest.mark.parametrize(
        "filters",
        [
            {"text": "order refund"},
            {"text": "“the order” total"},
            {"text": "(.*"},
            {"text": '""'},
            {"statuses": frozenset({"failed", "idle"})},
            {"feedback": "up"},
            {"since": 1_760_000_000.0, "until": 1_770_000_000.0, "saved": True},
            {"agents": frozenset({"assistant", "specialist"}), "text": "order"},
        ],
    )
    def test_counts_match_the_history_page(self, store, filters):
        listed = store.history.count(HistoryFilter(**filters))
        assert value(narrowed(store, **filters), "select count(*) from conversations") == listed

    def test_models_that_answered(self, store, everything):
        [model, *_] = values(
            everything, "select model from messages where model is not null group by 1 order by count(*)"
        )
        condition = f"""id in (select conversation_id from messages where model = '{model}'
            union all select conversation_id from turns where model = '{model}')"""
        assert_only(narrowed(store, answered_by=frozenset({model})), everything, condition)

    def test_several_filters_apply_together(self, store, everything):
        database = narrowed(store, agents=frozenset({"assistant"}), saved=True)
        assert_only(database, everything, "agent = 'assistant' and saved")

    def test_filters_without_matches_show_nothing(self, store):
        database = narrowed(store, users=frozenset({"nobody'; drop table sessions; --"}))
        assert [value(database, f"select count(*) from {view}") for view in VIEWS] == [0] * 5

    def test_a_period_shows_only_what_happened_in_it(self, store, everything):
        begin, end = 1_760_000_000.0, 1_770_000_000.0
        database = narrowed(store, within=(begin, end))
        for view in ("messages", "turns", "tool_calls"):
            happened = f"select count(*) from {view} where epoch(created_at) >= {begin} and epoch(created_at) < {end}"
            assert value(database, f"select count(*) from {view}") == value(everything, happened) > 0
        assert 0 < value(database, "select count(*) from conversations") < 300
        assert value(database, "select sum(messages) from conversations") == value(
            database, "select count(*) from messages"
        )


HOW = [
    "select count(*) from {}",
    "from {}",
    "table {}",
    "describe {}",
    "summarize {}",
    "explain analyze select * from {}",
    "with a as (select * from {}) select * from a",
    "with conversations as (select * from {}) select * from conversations",
    "select (select count(*) from {})",
    "select * from conversations where id in (select id from {})",
    "select * from (select 1), lateral (select * from {} limit 1)",
    "select * from (describe {})",
    "select * from (summarize {})",
    "select * from (from {})",
    "select * from (table {})",
    "select * from (pivot {} on saved in (true) using count(*))",
    "pivot {} on saved in (true) using count(*)",
    "select * from query_table('{}')",
    "select * from query('select * from {}')",
    "values ((select count(*) from {}))",
    "select 1 union all select count(*) from {}",
    "select exists (from {})",
]


@pytest.fixture
def database(store):
    """A scope without matches: any visible row is one too many."""
    return narrowed(store, users=frozenset({"nobody"}))


class TestWalls:
    @pytest.mark.parametrize("how", HOW)
    @pytest.mark.parametrize("name", ["colloquy.history.conversations", '"colloquy"."history"."conversations"'])
    def test_the_views_of_the_store_cannot_be_queried(self, database, how, name):
        with pytest.raises((SqlRefusedError, SqlFailedError)):
            database.query(how.format(name))

    @pytest.mark.parametrize("table", BEHIND)
    @pytest.mark.parametrize("place", ["colloquy.main", "main", "colloquy", "temp", "system.main"])
    def test_the_tables_behind_the_views_cannot_be_queried(self, database, place, table):
        for how in HOW:
            with pytest.raises((SqlRefusedError, SqlFailedError)):
                database.query(how.format(f"{place}.{table}"))

    @pytest.mark.parametrize(
        "sql",
        [
            "use colloquy.history",
            "set search_path = 'colloquy.history'",
            "detach colloquy",
            "create view v as from colloquy.history.messages",
            "create macro m() as table from colloquy.history.messages",
            "select current_setting('search_path')",
            "select * from duckdb_databases()",
            "select * from duckdb_views()",
            "select * from pragma_database_list()",
            "show all tables; select 1",
            "select colloquy.history.conversations.title from conversations",
            "select * from conversations as colloquy, colloquy.history.messages",
            "with colloquy as (select 1) select * from colloquy.history.messages",
        ],
    )
    def test_the_search_path_cannot_be_changed(self, database, sql):
        with pytest.raises((SqlRefusedError, SqlFailedError)):
            database.query(sql)

    def test_a_query_that_redefines_a_view_name_sees_nothing_more(self, database):
        rows = "with messages as (select text from messages) select count(*) from messages"
        assert value(database, rows) == 0

    def test_a_session_of_another_user_with_the_same_id_is_excluded(self, tmp_path):
        with closing(Store(tmp_path / "colloquy.duckdb")) as store:
            for user in ("ada", "bob"):
                key = SessionKey("assistant", user, "s-1")
                store.sessions.create(key)
            database = narrowed(store, users=frozenset({"ada"}))
            assert values(database, 'select "user" from conversations') == ["ada"]


class TestAround:
    def test_a_scoped_query_leaves_nothing_in_the_store(self, store, everything):
        narrowed(store, saved=True).query("select count(*) from messages")
        with pytest.raises(SqlFailedError):
            narrowed(store, saved=True).query("select nothing from messages")
        with store.cursor() as cursor:
            found = cursor.execute("select database_name from duckdb_databases() where not internal").fetchall()
        assert found == [("colloquy",)]

    def test_the_tables_are_listed_with_their_descriptions(self, store, everything):
        assert narrowed(store, saved=True).tables() == everything.tables()

    def test_scoped_queries_have_the_same_limits(self, store):
        result = narrowed(store, saved=True).query("select * from messages", Bounds(rows=3))
        assert (result.rows, result.cut) == (3, "rows")


class TestKeeping:
    SCOPE = HistoryFilter(
        agents=frozenset({"b", "a"}), saved=True, since=5.0, within=(1.0, 2.0), feedback="up", text="refund"
    )

    def test_a_scope_round_trips_as_json(self):
        state = {STATE: self.SCOPE.as_values(), "other": 1}
        assert scope_in(state) == self.SCOPE
        assert scope_in({"other": 1}) is None
        assert scope_in({STATE: {}}) == HistoryFilter()
        assert HistoryFilter().is_everything
        assert not self.SCOPE.is_everything

    @pytest.mark.parametrize("kept", [None, [], "all", {"agent": ["a"]}, {"saved": "who knows"}, {"within": [1]}])
    def test_an_unreadable_scope_never_means_everything(self, kept):
        with pytest.raises(ScopeInvalidError, match="Start a new chat"):
            scope_in({STATE: kept})

    def test_a_scope_can_be_described_in_words(self):
        scope = HistoryFilter(
            workspace_ids=frozenset({"w"}),
            agents=frozenset({"b", "a"}),
            statuses=frozenset({"failed"}),
            saved=False,
            since=86_400.0,
            until=172_800.0,
            text=" two  words ",
            within=(0.0, 3_600.0),
        )
        assert scope_in_words(scope, workspace={"w": "Shop"}.get, agent=str.upper) == [
            "workspace Shop",
            "agent A or B",
            "status failed",
            "not saved",
            "with “two words” in it",
            "last continued from 02 Jan 1970 to 02 Jan 1970",
            "only what happened from 01 Jan 1970 until 01 Jan 1970, 01:00",
        ]
        assert scope_in_words(HistoryFilter()) == []
