"""Histories of ADK projects, as written by ADK's own services."""

from __future__ import annotations

import sqlite3

import pytest
from google.adk.sessions import DatabaseSessionService
from google.adk.sessions.schemas import v0
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from sqlalchemy import create_engine

from session_store import DuckDBSessionService, Store
from session_store.exchange import ImportRefusedError, Wishes, import_file
from session_store.models import TurnStatus
from tests.session_store.events import changed, rewind, said
from tests.session_store.exchange.histories import called

KINDS = ["sqlite", "sqlalchemy", "sqlalchemy_v0"]


def service_of(kind, path):
    if kind == "sqlite":
        return SqliteSessionService(str(path))
    if kind == "sqlalchemy_v0":
        engine = create_engine(f"sqlite:///{path}")
        v0.Base.metadata.create_all(engine)
        engine.dispose()
    return DatabaseSessionService(f"sqlite+aiosqlite:///{path}")


async def write(service):
    """Two sessions with the same id that belong to two users, with tools, state and a rewind."""
    for user in ("user", "ana"):
        session = await service.create_session(
            app_name="travel_desk", user_id=user, session_id="s-1", state={"plan": {"days": 3}, "user:tone": user}
        )
        first, second = f"{user}-1", f"{user}-2"
        for event in [
            said("Where to?", turn=first),
            *called(first),
            said("Lisbon", author="travel_desk", turn=first),
            said("No", turn=second),
            changed(second, mood="sad", **{"app:limit": 4}),
            rewind(second),
        ]:
            event.id = f"{user}-{event.id}"
            await service.append_event(session, event)
    return [
        await service.get_session(app_name="travel_desk", user_id=user, session_id="s-1") for user in ("user", "ana")
    ]


@pytest.fixture
async def histories(tmp_path):
    async def made(kind):
        path = tmp_path / f"{kind}.db"
        service = service_of(kind, path)
        sessions = await write(service)
        if hasattr(service, "close"):
            await service.close()
        return path, sessions

    return made


@pytest.mark.parametrize("kind", KINDS)
async def test_sessions_are_imported_with_tool_calls_state_authors_times_and_usage(kind, histories, store):
    path, originals = await histories(kind)

    report = import_file(store, path)
    taken = {outcome.key.user_id: outcome.key for outcome in report.taken}
    service = DuckDBSessionService(store)

    assert report.kind == "ADK session database"
    assert (len(report.taken), report.events) == (2, 14)
    for original in originals:
        key = taken[original.user_id]
        copied = await service.get_session(app_name=key.app_name, user_id=key.user_id, session_id=key.session_id)
        assert [event.model_dump(mode="json") for event in copied.events] == [
            event.model_dump(mode="json") for event in original.events
        ]
        assert copied.state == original.state
        assert [event.seq for event in store.events.list(key)] == sorted(e.seq for e in store.events.list(key))
        assert len(store.events.list(key)) == 4


@pytest.mark.parametrize("kind", KINDS)
async def test_importing_again_adds_nothing_even_where_ids_changed(kind, histories, store):
    path, _ = await histories(kind)

    first = import_file(store, path)
    again = import_file(store, path)

    assert sorted(outcome.renamed for outcome in first.taken) == [False, True]
    assert again.taken == ()
    assert len(again.skipped) == 2


async def test_sessions_get_titles_and_turns(histories, store):
    path, _ = await histories("sqlite")

    import_file(store, path, Wishes(user_id="local"))
    listed = store.sessions.list("local").items
    [kept] = [session.key for session in listed if session.key.session_id == "s-1"]
    turn = store.turns.get(store.events.list(kept)[0].event.invocation_id)

    assert [session.title for session in listed] == ["Where to?", "Where to?"]
    assert not any(session.unseen for session in listed)
    assert turn is not None
    assert (turn.status, turn.input_tokens, turn.output_tokens) == (TurnStatus.COMPLETED, 7, 7)


async def test_an_invalid_value_in_an_event_is_left_out_alone(histories, store):
    path, _ = await histories("sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("update events set event_data = '{\"author\": 3}' where rowid = 2")
        connection.execute("update events set event_data = 'nothing' where rowid = 3")

    report = import_file(store, path)

    assert (len(report.taken), report.events, report.skipped) == (2, 14, ())
    assert "Converted: `author` (1)" in " ".join(report.remarks)


async def test_other_sqlite_databases_are_refused(store, tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table songs (name text)")

    with pytest.raises(ImportRefusedError, match="not one of ADK's sessions"):
        import_file(store, path)


async def test_a_damaged_database_is_refused(histories, store):
    path, _ = await histories("sqlite")
    data = bytearray(path.read_bytes())
    data[4096:12288] = b"\xff" * 8192
    path.write_bytes(data)

    with pytest.raises(ImportRefusedError):
        import_file(store, path)
    assert isinstance(store, Store)
    assert store.log.database.rows("select 1 from sessions") == []
