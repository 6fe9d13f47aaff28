"""Named queries, and the history of queries."""

from contextlib import closing

import pytest

from session_store import Store
from session_store.history import queries
from session_store.history.errors import HistoryError


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.duckdb")) as store:
        yield store


def names(store):
    return [one.name for one in store.named_queries()]


class TestNamed:
    def test_are_sorted_by_name_and_survive_a_restart(self, tmp_path):
        with closing(Store(tmp_path / "store.duckdb")) as store:
            kept = store.save_query("  Tokens   by day ", "select 2\n")
            store.save_query("chats", "select 1")
        with closing(Store(tmp_path / "store.duckdb")) as store:
            assert names(store) == ["chats", "Tokens by day"]
            assert store.named_queries()[1] == kept
            assert kept.sql == "select 2"

    def test_can_be_renamed_and_removed(self, store):
        kept = store.save_query("one", "select 1")
        store.rename_query(kept.id, "two")
        store.rename_query(kept.id, "Two")
        assert names(store) == ["Two"]
        store.delete_query(kept.id)
        store.delete_query(kept.id)
        store.rename_query(kept.id, "gone")
        assert names(store) == []

    @pytest.mark.parametrize(("name", "why"), [(" ", "Enter a name"), ("x" * 81, "at most 80"), ("ONE", "already")])
    def test_must_have_unique_names(self, store, name, why):
        store.save_query("one", "select 1")
        other = store.save_query("other", "select 2")
        with pytest.raises(HistoryError, match=why):
            store.save_query(name, "select 3")
        with pytest.raises(HistoryError, match=why):
            store.rename_query(other.id, name)
        assert names(store) == ["one", "other"]

    def test_must_not_be_empty(self, store):
        with pytest.raises(HistoryError, match="no query to save"):
            store.save_query("nothing", " \n")


class TestAsked:
    def test_are_listed_newest_first_with_their_outcome(self, store):
        store.record_query("select 1", seconds=0.5, row_count=1)
        store.record_query("select x", seconds=0.1, error="There is no x.")
        wrong, right = store.asked_queries()
        assert (right.sql, right.seconds, right.row_count, right.error) == ("select 1", 0.5, 1, None)
        assert (wrong.sql, wrong.row_count, wrong.error) == ("select x", None, "There is no x.")
        assert wrong.asked_at >= right.asked_at

    def test_are_listed_once_even_if_repeated(self, store):
        for sql in ("select 1", "select 2", "select 1"):
            store.record_query(sql, seconds=0.0, row_count=1)
        assert [one.sql for one in store.asked_queries()] == ["select 1", "select 2"]
        assert [one.sql for one in store.asked_queries(1)] == ["select 1"]

    def test_are_limited_and_the_oldest_are_dropped(self, store, monkeypatch):
        monkeypatch.setattr(queries, "ASKED", 3)
        for number in range(5):
            store.record_query(f"select {number}", seconds=0.0, row_count=1)
        assert [one.sql for one in store.asked_queries()] == ["select 4", "select 3", "select 2"]
