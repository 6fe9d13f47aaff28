"""Copies of the store for other processes to ask: current, and gone when nobody needs them."""

import subprocess
import sys
import time
from contextlib import closing
from types import SimpleNamespace

import duckdb
import pytest

from session_store import Store
from session_store.errors import StoreClosedError
from session_store.models import SessionKey
from session_store.snapshots import current_copy as module
from session_store.snapshots.snapshot import SnapshotError


@pytest.fixture(autouse=True)
def any_copy_is_quick(monkeypatch):
    """However slow the machine is."""
    monkeypatch.setattr(module, "_QUICK_SECONDS", 60.0)


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.duckdb")) as store:
        yield store


def add(store, name):
    store.create_session(SessionKey("assistant", "ann", name))


def count(copy):
    with duckdb.connect(str(copy.path), read_only=True) as connection:
        return connection.execute("select count(*) from history.conversations").fetchone()[0]


def test_it_has_all_that_was_acknowledged(store):
    for number in range(1, 4):
        add(store, str(number))
        with store.current_copy() as copy:
            assert count(copy) == number
            assert time.time() - copy.taken_at < 60


def test_it_has_that_also_while_a_reader_keeps_the_log_from_going_into_the_file(store):
    add(store, "one")
    with store.cursor() as reader:
        reader.execute("begin")
        reader.execute("select count(*) from conversations").fetchall()
        add(store, "two")
        with store.current_copy() as copy:
            assert count(copy) == 2


def test_the_same_one_is_given_until_something_changes(store):
    with store.current_copy() as first, store.current_copy() as second:
        assert first == second
        add(store, "new")
        with store.current_copy() as third:
            assert (count(first), count(third)) == (0, 1)


def test_one_that_takes_long_may_be_a_little_old(store, monkeypatch):
    monkeypatch.setattr(module, "_QUICK_SECONDS", -1)
    monkeypatch.setattr(module, "_TIMES_ITS_COST", 1e6)
    with store.current_copy() as first:
        add(store, "new")
        with store.current_copy() as second:
            assert first == second
        monkeypatch.setattr(module, "_OLDEST_SECONDS", 0)
        with store.current_copy() as third:
            assert count(third) == 1


def test_only_the_newest_is_kept_and_none_once_the_store_is_closed(store, tmp_path):
    folder = tmp_path / ".store.duckdb.copies"
    with store.current_copy() as first:
        add(store, "new")
        with store.current_copy():
            assert len(list(folder.iterdir())) == 2
        assert first.path.exists()
    assert len(list(folder.iterdir())) == 1
    assert folder.stat().st_mode & 0o077 == 0
    store.close()
    assert not folder.exists()
    with pytest.raises(StoreClosedError), store.current_copy():
        pass


def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path):
    left = tmp_path / ".store.duckdb.copies" / "copy-1.duckdb"
    left.parent.mkdir()
    left.write_text("left")
    with closing(Store(tmp_path / "store.duckdb")):
        assert not left.parent.exists()


def test_one_that_cannot_be_written_is_a_sentence_and_the_store_goes_on(store, tmp_path):
    (tmp_path / ".store.duckdb.copies").write_text("in the way")
    with pytest.raises(SnapshotError, match="could not be copied"), store.current_copy():
        pass
    add(store, "one")


@pytest.mark.parametrize(("missing", "told"), [(1, 1), (1_000_000, 1), (1_000_001, 2)])
def test_where_the_disk_is_full_it_says_how_much_to_free(store, tmp_path, monkeypatch, missing, told):
    needed = int(module._ROOM * (tmp_path / "store.duckdb").stat().st_size)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - missing))
    with pytest.raises(SnapshotError, match=f"Free about {told} MB "), store.current_copy():
        pass


def test_the_store_stays_locked_against_other_processes(store, tmp_path):
    with store.current_copy():
        pass
    program = f"import duckdb; duckdb.connect({str(tmp_path / 'store.duckdb')!r})"
    opened = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "lock" in opened.stderr
