"""Group commit, migrations, and readers alongside a writer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

import duckdb
import pytest

from session_store import DuckDBSessionService, Store
from session_store.engine import migrations
from session_store.engine.transaction import Transaction
from session_store.models import SessionKey
from tests.session_store.events import append, said, texts

KEY = SessionKey("agent", "ann", "one")


class Gate:
    """Blocks the writer thread, so that everything submitted meanwhile becomes one group."""

    def __init__(self, store: Store) -> None:
        self._open = threading.Event()
        entered = threading.Event()

        def wait(transaction: Transaction) -> None:
            entered.set()
            self._open.wait()

        self._held = store.log.writer.submit(wait)
        entered.wait()

    def open(self) -> None:
        self._open.set()
        self._held.result()


def insert(name: str):
    return lambda transaction: transaction.execute("insert into app_states values ($1, '{}', 0)", [name])


def broken(transaction: Transaction) -> None:
    transaction.execute("insert into app_states values ('half', '{}', 0)")
    transaction.execute("insert into app_states values ('half', '{}', 0)")


def test_only_the_failing_item_of_a_group_fails(store):
    gate = Gate(store)
    futures: list[Future] = [store.log.writer.submit(work) for work in (insert("a"), broken, insert("b"))]
    gate.open()

    assert futures[0].result() is futures[2].result() is None
    with pytest.raises(Exception, match="half"):
        futures[1].result()
    assert store.log.database.rows("select app_name from app_states order by 1") == [("a",), ("b",)]


async def test_appends_grouped_with_a_failing_item_are_stored_once_and_in_order(store):
    service = DuckDBSessionService(store)
    session = await service.create_session(app_name="agent", user_id="ann", state={"user:n": 0})
    gate = Gate(store)
    first = asyncio.ensure_future(service.append_event(session, said("first", state={"user:n": 1})))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    failing = store.log.writer.submit(broken)
    gate.open()
    await first
    await service.append_event(session, said("second"))

    with pytest.raises(Exception, match="half"):
        failing.result()
    for _ in range(2):
        stored = await service.get_session(app_name="agent", user_id="ann", session_id=session.id)
        assert texts(stored) == ["first", "second"]
        assert stored.state == {"user:n": 1}
        store.log.memory.clear()


def test_a_refusal_does_not_affect_its_group(store):
    store.sessions.create(KEY)
    gate = Gate(store)
    refused = store.log.create(KEY, {})
    kept = store.log.writer.submit(insert("a"))
    gate.open()

    kept.result()
    with pytest.raises(Exception, match="already exists"):
        refused.result()


def test_readers_never_wait_for_writers(store):
    store.sessions.create(KEY)
    append(store, KEY, said("hello"))
    store.log.memory.clear()
    gate = Gate(store)

    assert store.sessions.get("one") is not None
    assert len(store.sessions.list("ann", search="hello").items) == 1
    assert len(store.events.list(KEY)) == 1
    gate.open()


def test_readers_see_only_whole_groups_during_writes(store):
    async def run() -> None:
        service = DuckDBSessionService(store)
        sessions = [await service.create_session(app_name="agent", user_id="ann") for _ in range(8)]

        async def write(session) -> None:
            for number in range(25):
                await service.append_event(session, said(str(number), state={"count": number}))

        async def read(session) -> None:
            while len(session.events) < 25:
                store.log.memory.events.clear()
                seen = await service.get_session(app_name="agent", user_id="ann", session_id=session.id)
                assert texts(seen) == [str(number) for number in range(len(seen.events))]
                assert seen.state.get("count", -1) == len(seen.events) - 1

        await asyncio.gather(*map(write, sessions), *map(read, sessions))

    asyncio.run(run())


def test_a_new_file_has_every_migration(store):
    rows = store.log.database.rows("select version, name from schema_version order by version")
    assert rows == list(enumerate((change.__name__ for change in migrations.MIGRATIONS), start=1))


def test_an_older_file_is_migrated_with_all_its_data(store, path, monkeypatch):
    store.sessions.create(KEY)
    append(store, KEY, said("hello"))
    store.close()

    def add_mood(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("create table moods (mood varchar)")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, add_mood))
    newer = Store(path)
    assert newer.log.database.rows("select max(version), arg_max(name, version) from schema_version") == [
        (len(migrations.MIGRATIONS), "add_mood")
    ]
    assert newer.log.database.rows("select count(*) from moods") == [(0,)]
    assert len(newer.events.list(KEY)) == 1
    newer.close()
