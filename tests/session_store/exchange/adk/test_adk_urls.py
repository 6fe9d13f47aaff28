"""ADK session databases, opened by URL in ADK's form."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from google.adk.events.event_actions import EventActions
from google.adk.sessions import DatabaseSessionService
from google.adk.sessions.schemas import v0
from sqlalchemy import create_engine

from session_store import DuckDBSessionService
from session_store.exchange import ImportRefusedError, import_database
from tests.session_store.exchange.adk.test_adk_databases import service_of, write


@pytest.fixture(params=["events as JSON", "pickled actions"])
def database(postgres_url, request):
    """The URL of an empty database, or of one with the tables of an old version."""
    name = "adk_v1" if request.param == "events as JSON" else "adk_v0"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    url = f"{postgres_url.rpartition('/')[0]}/{name}"
    if name == "adk_v0":
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        v0.Base.metadata.create_all(engine)
        engine.dispose()
    return url


async def test_postgres_is_read_exactly_as_adk_wrote_it(database, store):
    service = DatabaseSessionService(database.replace("postgresql:", "postgresql+psycopg:"))
    originals = await write(service)
    await service.close()

    report = import_database(store, database.replace("postgresql:", "postgresql+asyncpg:"))
    again = import_database(store, database)

    assert (len(report.taken), again.taken) == (2, ())
    reader = DuckDBSessionService(store)
    keys = {outcome.key.user_id: outcome.key for outcome in report.taken}
    for original in originals:
        key = keys[original.user_id]
        copied = await reader.get_session(app_name=key.app_name, user_id=key.user_id, session_id=key.session_id)
        assert copied.state == original.state
        assert [event.model_dump(exclude={"timestamp"}) for event in copied.events] == [
            event.model_dump(exclude={"timestamp"}) for event in original.events
        ]


@pytest.mark.parametrize(("server", "hours"), [("UTC", -5), ("UTC", 9), ("Asia/Tokyo", 9), ("America/Lima", -5)])
def test_old_postgres_databases_have_local_times(server, hours, postgres_url, store):
    name = f"adk_{server.rpartition('/')[2]}_{hours}".lower().replace("-", "minus_")
    created = datetime(2025, 11, 16, 5, 30, tzinfo=UTC)
    said = [(created + timedelta(seconds=seconds)).timestamp() for seconds in (20, 25)]
    clock = timezone(timedelta(hours=hours))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        connection.execute(f"alter database {name} set timezone to '{server}'")
    url = f"{postgres_url.rpartition('/')[0]}/{name}"
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    v0.Base.metadata.create_all(engine)
    engine.dispose()
    with psycopg.connect(url, autocommit=True) as connection:
        # The server set the creation time; ADK set the update time by its own clock.
        connection.execute(
            "insert into sessions values ('garden', 'user', 's-1', '{}', %s::timestamptz, %s)",
            [created, datetime.fromtimestamp(said[-1], clock).replace(tzinfo=None)],
        )
        for number, at in enumerate(said):
            connection.execute(
                "insert into events (id, app_name, user_id, session_id, invocation_id, author, actions, timestamp, "
                "content) values (%s, 'garden', 'user', 's-1', 'i-1', 'user', %s, %s, %s)",
                [
                    f"e-{number}",
                    pickle.dumps(EventActions()),
                    datetime.fromtimestamp(at, clock).replace(tzinfo=None),
                    '{"role": "user", "parts": [{"text": "Hi"}]}',
                ],
            )

    [taken] = import_database(store, url).taken

    assert [stored.event.timestamp for stored in store.events.list(taken.key)] == said
    assert store.sessions.list("user").items[0].created_at == created.timestamp()


async def test_a_sqlite_url_opens_the_file(store, tmp_path):
    service = service_of("sqlalchemy", tmp_path / "sessions.db")
    await write(service)
    await service.close()

    report = import_database(store, f"sqlite+aiosqlite:///{(tmp_path / 'sessions.db').as_posix()}")

    assert len(report.taken) == 2


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://ana:s3cret@db/adk", "not the URL of a database that can be imported"),
        ("nonsense", "not the URL of a database that can be imported"),
        ("sqlite://", "names no file"),
        ("sqlite:///nowhere.db", "There is no file nowhere.db"),
        ("postgresql://ana:s3cret@127.0.0.1:1/adk?password=s3cret", "127.0.0.1:1/adk cannot be read"),
        ("postgresql://ana:s3cret@[::1", "URL cannot be read"),
        ("postgresql://ana:s3c/ret@127.0.0.1:1/adk", "URL cannot be read"),
    ],
)
def test_an_unreadable_database_is_explained_without_its_password(url, words, store):
    with pytest.raises(ImportRefusedError) as refusal:
        import_database(store, url)

    assert words in str(refusal.value)
    assert "s3c" not in str(refusal.value)
