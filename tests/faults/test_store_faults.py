"""The store on a failing machine. Nothing acknowledged is ever lost."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import re
import shutil
import stat
import sys
from collections import defaultdict
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import pytest

from session_store import DuckDBSessionService, Store
from session_store.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreNotWritableError,
    StoreTooNewError,
)
from session_store.models import SessionKey
from tests.session_store.engine.writing_process import hold, write_forever
from tests.session_store.events import append, said, text_of
from tests.support.disks import mounted, remount

KEY = SessionKey("app", "ann", "one")
KILLS = 20


def processes() -> multiprocessing.context.BaseContext:
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.session_store.engine.writing_process"])
    return context


# -- kill -9 -----------------------------------------------------------------------------------------------------------


def drain(acknowledged: Connection) -> list[tuple[str, str]]:
    events = []
    with suppress(EOFError):
        while True:
            events.append(acknowledged.recv())
    return events


def test_no_acknowledged_event_is_lost_when_the_process_is_killed(tmp_path):
    path, chance = tmp_path / "chats.duckdb", random.Random(2026)
    acknowledged: dict[str, list[str]] = defaultdict(list)
    for _ in range(KILLS):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        process = processes().Process(target=write_forever, args=(path, theirs), daemon=True)
        process.start()
        theirs.close()
        told = [ours.recv() for _ in range(chance.randrange(1, 60))]
        process.kill()
        process.join()
        for session_id, event_id in told + drain(ours):
            acknowledged[session_id].append(event_id)

        store = Store(path)
        stored: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for session_id, event_id, text in store.log.database.rows(EVENTS):
            stored[session_id].append((event_id, text))
        for session_id, events in acknowledged.items():
            assert [event_id for event_id, _ in stored[session_id]][: len(events)] == events
        for events in stored.values():
            assert [text for _, text in events] == [f"message {number}" for number in range(len(events))]
        listed = store.sessions.list("ann", limit=10_000).items
        newest = {row[0]: row[1] for row in store.log.database.rows(NEWEST)}
        assert [summary.updated_at for summary in listed] == sorted(
            (newest.get(summary.key.session_id, summary.created_at) for summary in listed), reverse=True
        )
        store.close()


EVENTS = "select s.id, e.id, e.text from sessions s join events e using (session_no) order by e.seq"
NEWEST = """
    select s.id, arg_max(e.timestamp, e.seq) from sessions s join events e using (session_no) group by s.id
"""


# -- a full disk -------------------------------------------------------------------------------------------------------


def fill(store: Store) -> int:
    """Append until the disk is full. Returns how many events were acknowledged."""
    for kept in range(1000):
        try:
            append(store, KEY, said(f"{kept} " + random.Random(kept).randbytes(50_000).hex()))
        except StoreFullError:
            return kept
    raise AssertionError("The disk was never full.")


def first_words(store: Store) -> list[str]:
    return [text_of(event.event).split()[0] for event in store.events.list(KEY, limit=10_000)]


def test_after_a_full_disk_everything_acknowledged_is_there_and_writing_continues(tmp_path):
    with mounted(tmp_path / "disk", "3m") as disk:
        store = Store(disk / "chats.duckdb")
        store.sessions.create(KEY)
        kept = fill(store)
        with pytest.raises(StoreFullError):
            append(store, KEY, said("x" * 5_000_000))
        assert len(store.sessions.list("ann").items) == 1

        remount(disk, "size=40m")
        append(store, KEY, said("after"))
        assert first_words(store) == [*map(str, range(kept)), "after"]
        store.close()

        again = Store(disk / "chats.duckdb")
        assert first_words(again) == [*map(str, range(kept)), "after"]
        again.close()


def test_a_full_disk_at_the_checkpoint_loses_nothing(tmp_path):
    with mounted(tmp_path / "disk", "22m") as disk:
        store = Store(disk / "chats.duckdb")
        store.sessions.create(KEY)
        kept = fill(store)
        store.log.database.checkpoint(under_load=False)
        with pytest.raises(StoreFullError):
            append(store, KEY, said("x" * 5_000_000))
        store.close()

        remount(disk, "size=100m")
        again = Store(disk / "chats.duckdb")
        assert first_words(again) == [*map(str, range(kept))]
        append(again, KEY, said("after"))
        again.close()


def test_a_store_on_a_full_disk_is_refused_until_there_is_space(tmp_path):
    with mounted(tmp_path / "disk", "1m") as disk:
        ballast = disk / "ballast"
        with suppress(OSError):
            ballast.write_bytes(b"x" * 1_048_576)
        with pytest.raises(StoreFullError, match="Free some space"):
            Store(disk / "chats.duckdb").sessions.create(KEY)
        ballast.unlink()
        store = Store(disk / "chats.duckdb")
        store.sessions.create(KEY)
        store.close()


# -- unwritable places -------------------------------------------------------------------------------------------------


def test_a_read_only_disk_is_reported_and_left_unchanged(tmp_path):
    with mounted(tmp_path / "disk", "10m") as disk:
        store = Store(disk / "chats.duckdb")
        store.sessions.create(KEY)
        store.close()
        remount(disk, "ro")
        with pytest.raises(StoreNotWritableError, match="write permission"):
            Store(disk / "chats.duckdb")
        with pytest.raises(StoreNotWritableError):
            Store(disk / "new.duckdb")
        with pytest.raises(StoreNotWritableError):
            Store(disk / "new folder" / "new.duckdb")
        remount(disk, "rw")
        again = Store(disk / "chats.duckdb")
        assert again.sessions.get("one") is not None
        again.close()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_without_write_permission_is_reported(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StoreNotWritableError, match="write permission"):
        Store(tmp_path / "chats.duckdb")


def test_missing_folders_are_created(tmp_path):
    Store(tmp_path / "a" / "b" / "chats.duckdb").close()
    assert (tmp_path / "a" / "b" / "chats.duckdb").exists()


def test_a_folder_in_place_of_the_file_is_reported(tmp_path):
    with pytest.raises(StoreNotWritableError, match="is a folder"):
        Store(tmp_path)


def test_a_file_in_place_of_the_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "chats.duckdb", tmp_path / "file" / "deeper" / "chats.duckdb"):
        with pytest.raises(StoreNotWritableError, match="a file, "):
            Store(path)


# -- invalid files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    store = Store(tmp_path / "chats.duckdb")
    store.sessions.create(KEY)
    append(store, KEY, *(said(f"hello {number} " * 200) for number in range(200)))
    store.close()
    return tmp_path / "chats.duckdb"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"SQLite format 3\x00" + bytes(5000), "it is an SQLite database"),
        (b"PAR1" * 1000, "it is a file of another kind"),
        (b"notes\n" * 1000, "it is a file of another kind"),
        (os.urandom(8) + bytes(20_000), "it is a file of another kind"),
        (bytes(8) + b"DUCK" + bytes(20_000), ""),
    ],
)
def test_a_file_that_is_not_a_duckdb_database_is_refused_until_it_is_moved_away(tmp_path, content, what):
    path = tmp_path / "chats.duckdb"
    path.write_bytes(content)
    with pytest.raises(
        StoreDamagedError, match=r"Move it away.*chats\.duckdb\.wal.*a new database is created"
    ) as error:
        Store(path)
    assert f"as a DuckDB database: {what}" in str(error.value)
    assert not re.search(r"extension|[!.]\.", str(error.value))
    assert path.read_bytes() == content
    path.rename(tmp_path / "away")
    Store(path).close()


@pytest.mark.parametrize("place", [0, 8, 4096, 8192])
def test_a_damaged_file_is_reported_and_left_unchanged(filled, place):
    content = bytearray(filled.read_bytes())
    content[place : place + 4096] = os.urandom(4096)
    filled.write_bytes(content)
    try:
        store = Store(filled)
    except StoreDamagedError:
        assert filled.read_bytes() == bytes(content)
    else:
        # DuckDB keeps two headers and continues with the intact one.
        assert len(store.events.list(KEY, limit=1000)) == 200
        store.close()


def test_a_truncated_file_is_reported(filled):
    filled.write_bytes(filled.read_bytes()[:20_000])
    with pytest.raises(StoreError), closing(Store(filled)) as store:
        store.events.list(KEY)


def test_a_duckdb_file_of_another_program_is_reported(tmp_path):
    with duckdb.connect(str(tmp_path / "chats.duckdb")) as other:
        other.execute("create table sessions (name varchar)")
    with pytest.raises(StoreDamagedError, match="not those of this program"):
        Store(tmp_path / "chats.duckdb")
    with duckdb.connect(str(tmp_path / "chats.duckdb")) as other:
        assert other.execute("select table_name from information_schema.tables").fetchall() == [("sessions",)]


OTHERS = {
    "a table": "create table mine (name varchar)",
    "a view in another schema": "create schema other; create view other.mine as select 1",
    "a sequence": "create sequence mine",
    "a version of its own": "create table schema_version (number integer); insert into schema_version values (3)",
}


@pytest.mark.parametrize("statements", OTHERS.values(), ids=OTHERS.keys())
@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "with a log"])
def test_a_duckdb_file_of_another_program_is_refused_and_not_modified(tmp_path, statements, is_closed):
    path, made = tmp_path / "chats.duckdb", tmp_path / "made"
    made.mkdir()
    with duckdb.connect(str(made / path.name)) as other:
        other.execute(statements)
        if not is_closed:
            for file in made.iterdir():
                shutil.copy(file, tmp_path)
    if is_closed:
        shutil.copy(made / path.name, tmp_path)
    shutil.rmtree(made)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert (len(before) == 1) is is_closed
    with pytest.raises(StoreDamagedError, match="not those of this program"):
        Store(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


# -- invalid logs ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def left_open(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A database and its log as left by a dying process."""
    path = tmp_path_factory.mktemp("open") / "chats.duckdb"
    with closing(Store(path)) as store:
        store.sessions.create(KEY)
        append(store, KEY, *(said(f"hello {number} " * 200) for number in range(10)))
        return path.read_bytes(), path.with_name("chats.duckdb.wal").read_bytes()


def test_a_log_without_its_database_is_refused_and_left_unchanged(tmp_path, left_open):
    log = tmp_path / "chats.duckdb.wal"
    log.write_bytes(left_open[1])
    with pytest.raises(StoreDamagedError, match=r"chats\.duckdb is missing, but its log.*Put chats\.duckdb back"):
        Store(tmp_path / "chats.duckdb")
    assert [file.name for file in tmp_path.iterdir()] == [log.name]
    assert log.read_bytes() == left_open[1]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda log: bytes(len(log)), id="zeroed"),
        pytest.param(lambda log: bytes(10), id="a few zeros"),
        pytest.param(lambda log: bytes(4096) + log[4096:], id="zeroed at the beginning"),
        pytest.param(lambda log: log[: len(log) // 2] + bytes(len(log) // 2), id="zeroed from the middle"),
        pytest.param(lambda log: log[:-2000] + b"x" * 8 + log[-1992:], id="damaged at the end"),
        pytest.param(lambda log: log[:300] + b"\xff" * 16 + log[316:], id="wild lengths"),
        pytest.param(lambda _: b"notes\n" * 100, id="of another program"),
    ],
)
def test_a_damaged_log_is_refused_and_left_unchanged(tmp_path, left_open, damaged):
    path, log = tmp_path / "chats.duckdb", tmp_path / "chats.duckdb.wal"
    path.write_bytes(left_open[0])
    log.write_bytes(damaged(left_open[1]))
    with pytest.raises(StoreDamagedError, match="Nothing was changed"):
        Store(path)
    assert (path.read_bytes(), log.read_bytes()) == (left_open[0], damaged(left_open[1]))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("missing", [1, 100, 0.5])
def test_a_truncated_log_is_recovered_up_to_the_cut_and_the_rest_is_kept_and_reported(tmp_path, left_open, missing):
    path, log = tmp_path / "chats.duckdb", tmp_path / "chats.duckdb.wal"
    whole = left_open[1]
    cut = whole[: len(whole) - (int(len(whole) * missing) if missing < 1 else int(missing))]
    path.write_bytes(left_open[0])
    log.write_bytes(cut)
    with closing(Store(path)) as store:
        [kept] = tmp_path.glob("*.incomplete-*")
        assert store.notice is not None
        assert kept.name in store.notice
        assert kept.read_bytes()
        assert cut.endswith(kept.read_bytes())
        store.sessions.create(SessionKey("app", "ann", "two"))
    with closing(Store(path)) as again:
        assert again.notice is None
    assert list(tmp_path.glob("*.incomplete-*")) == [kept]


def test_a_complete_log_is_recovered_silently(tmp_path, left_open):
    (tmp_path / "chats.duckdb").write_bytes(left_open[0])
    (tmp_path / "chats.duckdb.wal").write_bytes(left_open[1])
    with closing(Store(tmp_path / "chats.duckdb")) as store:
        assert len(store.events.list(KEY, limit=100)) == 10
        assert store.notice is None
    assert [file.name for file in tmp_path.iterdir()] == ["chats.duckdb"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["chats.duckdb", "chats.duckdb.wal"])
def test_a_pipe_in_place_of_a_file_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(StoreError, match="not a regular file"):
        Store(tmp_path / "chats.duckdb")


def test_a_file_of_a_newer_version_is_refused_and_left_unchanged(filled):
    with duckdb.connect(str(filled)) as newer:
        newer.execute("insert into schema_version values (99, 'from_the_future', 0)")
    with pytest.raises(StoreTooNewError, match=r"schema 99.*Update the program"):
        Store(filled)


# -- one process at a time ---------------------------------------------------------------------------------------------


def test_a_second_process_is_told_which_process_has_the_file_open(tmp_path):
    path = tmp_path / "chats.duckdb"
    ours, theirs = multiprocessing.Pipe()
    process = processes().Process(target=hold, args=(path, theirs), daemon=True)
    process.start()
    assert ours.recv() == "open"
    with pytest.raises(StoreLockedError, match="Only one process at a time") as caught:
        Store(path)
    if sys.platform != "win32":
        assert f"PID {process.pid}" in str(caught.value)
    ours.send("close")
    process.join()
    Store(path).close()


def test_a_second_store_in_the_same_process_is_refused(tmp_path):
    store = Store(tmp_path / "chats.duckdb")
    with pytest.raises(StoreLockedError, match=f"PID {os.getpid()}"):
        Store(tmp_path / "chats.duckdb")
    store.close()
    Store(tmp_path / "chats.duckdb").close()


def test_a_service_can_retry_opening_its_file(tmp_path):
    path = tmp_path / "chats.duckdb"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreDamagedError):
        DuckDBSessionService(path)
    path.unlink()

    async def use() -> None:
        async with DuckDBSessionService(path) as service:
            assert await service.create_session(app_name="app", user_id="ann")

    asyncio.run(use())
