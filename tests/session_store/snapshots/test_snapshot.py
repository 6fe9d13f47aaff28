"""Snapshots: the whole history as a file for other programs, taken while conversations continue."""

from __future__ import annotations

import io
import json
import shutil
import stat
import subprocess
import sys
import threading
import zipfile

import duckdb
import pandas as pd
import pytest

from session_store import Store
from session_store.errors import StoreClosedError
from session_store.models import SessionKey
from session_store.snapshots.snapshot import SnapshotError, SnapshotForm, copy_rows
from tests.session_store.events import append, said

LOOK = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    views = ("conversations", "messages", "turns", "tool_calls", "feedback")
    counts = {view: connection.execute(f"select count(*) from history.{view}").fetchone()[0] for view in views}
    texts = [text for (text,) in connection.execute("select text from history.messages order by created_at").fetchall()]
print(json.dumps([counts, texts]))
"""


def elsewhere(path):
    """What another process sees in a file: the number of rows by view, and texts."""
    done = subprocess.run([sys.executable, "-c", LOOK, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def chat(store, *texts, session_id="one"):
    key = SessionKey("assistant", "ann", session_id)
    store.sessions.create(key)
    for text in texts:
        append(store, key, said(text))
    return key


def test_another_program_can_open_a_snapshot_while_the_store_is_in_use(store, tmp_path):
    key = chat(store, "hello", "there")
    info = store.snapshots.take(tmp_path / "snapshots" / "one.duckdb")
    append(store, key, said("too late"))

    counts, texts = elsewhere(info.path)
    assert texts == ["hello", "there"]
    assert (counts["conversations"], counts["messages"]) == (info.conversations, info.messages) == (1, 2)
    assert info.size == info.path.stat().st_size
    assert not info.path.stat().st_mode & stat.S_IWUSR
    assert [path.name for path in info.path.parent.iterdir()] == ["one.duckdb"]


def test_the_store_stays_locked_against_other_processes(store, path, tmp_path):
    chat(store, "hello")
    store.snapshots.take(tmp_path / "one.duckdb")
    done = subprocess.run([sys.executable, "-c", LOOK, str(path)], capture_output=True, text=True, check=False)
    assert "lock" in done.stderr


def test_a_snapshot_excludes_deleted_conversations_even_if_restorable(store, tmp_path):
    chat(store, "kept")
    gone = chat(store, "gone", session_id="two")
    store.sessions.delete([gone])
    info = store.snapshots.take(tmp_path / "one.duckdb")

    assert elsewhere(info.path)[1] == ["kept"]
    with duckdb.connect(str(info.path), read_only=True) as copy:
        assert copy.execute("select count(*) from main.events where text = 'gone'").fetchone() == (0,)
        assert copy.execute("select count(*) from main.sessions").fetchone() == (1,)
    store.sessions.restore([gone])
    assert elsewhere(store.snapshots.take(tmp_path / "two.duckdb").path)[1] == ["kept", "gone"]


def test_a_snapshot_is_consistent_during_concurrent_writes(store, tmp_path):
    key = chat(store)
    stop, acknowledged = threading.Event(), []

    def write():
        while not stop.is_set():
            append(store, key, said(str(len(acknowledged))))
            acknowledged.append(None)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = []
        for number in range(3):
            before = len(acknowledged)
            info = store.snapshots.take(tmp_path / f"{number}.duckdb")
            seen.append((before, elsewhere(info.path)[1], len(acknowledged)))
    finally:
        stop.set()
        writer.join()
    for before, texts, after in seen:
        assert texts == [str(number) for number in range(len(texts))]
        assert before <= len(texts) <= after + 1
    assert [stored.event.content.parts[0].text for stored in store.events.list(key, limit=100_000)] == [
        str(number) for number in range(len(acknowledged))
    ]


def test_a_reader_of_an_older_state_does_not_block_a_snapshot(store, tmp_path):
    chat(store, "hello")
    gone = chat(store, "gone", session_id="two")
    with store.log.database.reading() as reader:
        reader.begin()
        assert reader.execute("select count(*) from events").fetchone() == (2,)
        store.sessions.delete([gone])
        store.sessions.purge_deleted(older_than=-1)
        chat(store, "new", session_id="three")
        info = store.snapshots.take(tmp_path / "one.duckdb")
        assert reader.execute("select count(*) from events").fetchone() == (2,)
        reader.rollback()
    assert elsewhere(info.path)[1] == ["hello", "new"]


def test_a_snapshot_can_be_one_parquet_file_per_view(store, tmp_path):
    chat(store, "hello", "there")
    steps = []
    info = store.snapshots.take(
        tmp_path / "one.parquet.zip", form=SnapshotForm.PARQUET, progress=lambda *step: steps.append(step)
    )
    with zipfile.ZipFile(info.path) as archive:
        tables = {name: pd.read_parquet(io.BytesIO(archive.read(name))) for name in archive.namelist()}
    assert {"conversations.parquet", "messages.parquet", "turns.parquet"} <= set(tables)
    assert list(tables["messages.parquet"]["text"]) == ["hello", "there"]
    assert steps[-1] == ("Done", 1.0)
    assert [path.name for path in tmp_path.iterdir() if "one.parquet" in path.name] == ["one.parquet.zip"]


def test_a_snapshot_can_be_opened_as_a_store(store, tmp_path):
    key = chat(store, "hello")
    shutil.copyfile(store.snapshots.take(tmp_path / "one.duckdb").path, tmp_path / "restored.duckdb")
    restored = Store(tmp_path / "restored.duckdb")
    append(restored, key, said("again"))
    assert len(restored.events.list(key)) == 2
    restored.close()


def test_a_row_by_row_copy_is_identical(store, tmp_path):
    chat(store, "hello", "there")
    copy_rows(store.log.database, tmp_path / "rows.duckdb")
    with duckdb.connect(str(tmp_path / "rows.duckdb")) as copy:
        for table in ("events", "workspaces", "schema_version"):
            assert copy.execute(f"select * from {table} order by all").fetchall() == store.log.database.rows(
                f"select * from {table} order by all"
            )
    assert elsewhere(tmp_path / "rows.duckdb")[1] == ["hello", "there"]


def test_obstacles_are_explained(store, tmp_path, monkeypatch):
    (tmp_path / "one.duckdb").write_text("mine")
    with pytest.raises(SnapshotError, match="exists already"):
        store.snapshots.take(tmp_path / "one.duckdb")
    with pytest.raises(SnapshotError, match="cannot be written"):
        store.snapshots.take(tmp_path / "one.duckdb" / "two.duckdb")
    with monkeypatch.context() as patch:
        patch.setattr("session_store.snapshots.snapshot.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
        with pytest.raises(SnapshotError, match="too little free space"):
            store.snapshots.take(tmp_path / "three.duckdb")
    assert (tmp_path / "one.duckdb").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))

    store.close()
    with pytest.raises(StoreClosedError):
        store.snapshots.take(tmp_path / "four.duckdb")


def test_closing_the_store_waits_for_the_snapshot(store, path, tmp_path):
    chat(store, "hello")
    copying = threading.Event()
    made = []
    thread = threading.Thread(
        target=lambda: made.append(store.snapshots.take(tmp_path / "one.duckdb", progress=lambda *_: copying.set()))
    )
    thread.start()
    assert copying.wait(30)
    store.close()
    thread.join()
    assert elsewhere(made[0].path)[1] == elsewhere(path)[1] == ["hello"]
