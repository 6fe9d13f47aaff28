"""Named queries, and the history of queries."""

from contextlib import closing

import pytest

from session_store import Store
from session_store.errors import HistoryError
from session_store.history import queries


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.duckdb")) as store:
        yield store


def names(store):
    return [one.name for one in store.queries.named()]


class TestNamed:
    def test_are_sorted_by_name_and_survive_a_restart(self, tmp_path):
        with closing(Store(tmp_path / "store.duckdb")) as store:
            kept = store.queries.save("  Tokens   by day ", "select 2\n")
            store.queries.save("chats", "select 1")
        with closing(Store(tmp_path / "store.duckdb")) as store:
            assert names(store) == ["chats", "Tokens by day"]
            assert store.queries.named()[1] == kept
            assert kept.sql == "select 2"

    def test_can_be_renamed_and_removed(self, store):
        kept = store.queries.save("one", "select 1")
        store.queries.rename(kept.id, "two")
        store.queries.rename(kept.id, "Two")
        assert names(store) == ["Two"]
        store.queries.delete(kept.id)
        store.queries.delete(kept.id)
        store.queries.rename(kept.id, "gone")
        assert names(store) == []

    @pytest.mark.parametrize(("name", "why"), [(" ", "Enter a name"), ("x" * 81, "at most 80"), ("ONE", "already")])
    def test_must_have_unique_names(self, store, name, why):
        store.queries.save("one", "select 1")
        other = store.queries.save("other", "select 2")
        with pytest.raises(HistoryError, match=why):
            store.queries.save(name, "select 3")
        with pytest.raises(HistoryError, match=why):
            store.queries.rename(other.id, name)
        assert names(store) == ["one", "other"]

    def test_must_not_be_empty(self, store):
        with pytest.raises(HistoryError, match="no query to save"):
            store.queries.save("nothing", " \n")


class TestAsked:
    def test_are_listed_newest_first_with_their_outcome(self, store):
        store.queries.record("select 1", seconds=0.5, row_count=1)
        store.queries.record("select x", seconds=0.1, error="There is no x.")
        wrong, right = store.queries.asked()
        assert (right.sql, right.seconds, right.row_count, right.error) == ("select 1", 0.5, 1, None)
        assert (wrong.sql, wrong.row_count, wrong.error) == ("select x", None, "There is no x.")
        assert wrong.asked_at >= right.asked_at

    def test_are_listed_once_even_if_repeated(self, store):
        for sql in ("select 1", "select 2", "select 1"):
            store.queries.record(sql, seconds=0.0, row_count=1)
        assert [one.sql for one in store.queries.asked()] == ["select 1", "select 2"]
        assert [one.sql for one in store.queries.asked(1)] == ["select 1"]

    def test_are_limited_and_the_oldest_are_dropped(self, store, monkeypatch):
        monkeypatch.setattr(queries, "ASKED", 3)
        for number in range(5):
            store.queries.record(f"select {number}", seconds=0.0, row_count=1)
        assert [one.sql for one in store.queries.asked()] == ["select 4", "select 3", "select 2"]
