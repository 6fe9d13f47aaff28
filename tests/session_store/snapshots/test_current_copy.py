"""Copies of the store that other processes query: current, and deleted when nobody needs them."""

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
    """Counts every copy as quick, however slow the machine is."""
    monkeypatch.setattr(module, "_QUICK_SECONDS", 60.0)


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.duckdb")) as store:
        yield store


def add(store, name):
    store.sessions.create(SessionKey("assistant", "ann", name))


def count(copy):
    with duckdb.connect(str(copy.path), read_only=True) as connection:
        return connection.execute("select count(*) from history.conversations").fetchone()[0]


def test_a_copy_has_everything_acknowledged(store):
    for number in range(1, 4):
        add(store, str(number))
        with store.current_copy() as copy:
            assert count(copy) == number
            assert time.time() - copy.taken_at < 60


def test_a_copy_is_complete_while_a_reader_blocks_the_checkpoint(store):
    add(store, "one")
    with store.cursor() as reader:
        reader.execute("begin")
        reader.execute("select count(*) from conversations").fetchall()
        add(store, "two")
        with store.current_copy() as copy:
            assert count(copy) == 2


def test_the_same_copy_is_reused_until_something_changes(store):
    with store.current_copy() as first, store.current_copy() as second:
        assert first == second
        add(store, "new")
        with store.current_copy() as third:
            assert (count(first), count(third)) == (0, 1)


def test_a_slow_copy_may_be_slightly_outdated(store, monkeypatch):
    monkeypatch.setattr(module, "_QUICK_SECONDS", -1)
    monkeypatch.setattr(module, "_TIMES_ITS_COST", 1e6)
    with store.current_copy() as first:
        add(store, "new")
        with store.current_copy() as second:
            assert first == second
        monkeypatch.setattr(module, "_OLDEST_SECONDS", 0)
        with store.current_copy() as third:
            assert count(third) == 1


def test_only_the_newest_copy_is_kept_and_none_after_closing(store, tmp_path):
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


def test_copies_left_by_a_killed_process_are_removed_at_the_next_start(tmp_path):
    left = tmp_path / ".store.duckdb.copies" / "copy-1.duckdb"
    left.parent.mkdir()
    left.write_text("left")
    with closing(Store(tmp_path / "store.duckdb")):
        assert not left.parent.exists()


def test_a_failed_copy_is_explained_and_the_store_keeps_working(store, tmp_path):
    (tmp_path / ".store.duckdb.copies").write_text("in the way")
    with pytest.raises(SnapshotError, match="could not be copied"), store.current_copy():
        pass
    add(store, "one")


@pytest.mark.parametrize(
    ("error", "raised"),
    [(duckdb.IOException("no space left"), SnapshotError), (StoreClosedError("closed"), StoreClosedError)],
    ids=["the engine", "the store"],
)
def test_nothing_remains_of_a_copy_that_failed_halfway(store, tmp_path, monkeypatch, error, raised):
    def fail(_database, target):
        target.write_bytes(b"half of it")
        raise error

    monkeypatch.setattr(module.CurrentCopies, "_copy", lambda *_: False)
    monkeypatch.setattr(module, "copy_rows", fail)
    with pytest.raises(raised), store.current_copy():
        pass
    assert not list((tmp_path / ".store.duckdb.copies").iterdir())


@pytest.mark.parametrize(("missing", "told"), [(1, 1), (1_000_000, 1), (1_000_001, 2)])
def test_a_full_disk_error_says_how_much_to_free(store, tmp_path, monkeypatch, missing, told):
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
