"""The demo conversations: believable, the same for the same seed, and told apart from real ones."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from colloquy.demo import fill, is_demo
from session_store import Store
from session_store.models import SessionKey
from session_store.transcripts.transcript import messages

UNTIL = date(2026, 3, 1)
ROOT = Path(__file__).parents[2]
SEALED = "select * from (select count(*), sum(hash(x)) from {table} x)"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.duckdb"
    fill(path, sessions=300, seed=7, until=UNTIL)
    return path


@pytest.fixture
def demo(path):
    store = Store(path)
    yield store
    store.close()


def contents(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        return [connection.execute(SEALED.format(table=table)).fetchone() for table in ("sessions", "turns", "events")]


def test_the_same_seed_gives_the_same_conversations(path, tmp_path):
    fill(tmp_path / "again.duckdb", sessions=300, seed=7, until=UNTIL)
    fill(tmp_path / "other.duckdb", sessions=300, seed=8, until=UNTIL)

    assert contents(tmp_path / "again.duckdb") == contents(path)
    assert contents(tmp_path / "other.duckdb") != contents(path)


def test_they_fill_a_year_that_ends_on_the_day_given(demo):
    [(first, last)] = demo.log.database.rows("select min(timestamp), max(timestamp) from events")

    assert datetime.fromtimestamp(last, UTC).date() < UNTIL
    assert timedelta(days=300) < timedelta(seconds=last - first)


def test_the_app_can_read_every_one_of_them(demo):
    keys = [SessionKey(*row) for row in demo.log.database.rows("select app_name, user_id, id from sessions")]
    assert len(keys) == 300
    for key in keys:
        events = demo.events.list(key, limit=10_000)
        turns = demo.turns.by_id({stored.event.invocation_id for stored in events})
        assert {turn.key for turn in turns.values()} <= {key}
        assert all(message.text or message.steps for message in messages(events))
        assert [stored.event.timestamp for stored in events] == sorted(stored.event.timestamp for stored in events)


def test_the_columns_say_what_the_events_say(demo):
    for key in _keys(demo, 25):
        for stored in demo.events.list(key, limit=10_000):
            event, usage = stored.event, stored.event.usage_metadata
            [(text, model, tokens, calls, interrupted)] = demo.log.database.rows(
                "select text, model, input_tokens, tool_calls, interrupted from events where seq = $1", [stored.seq]
            )
            assert text == ("".join(part.text or "" for part in event.content.parts) or None)
            assert model == event.model_version
            assert tokens == (usage.prompt_token_count if usage else None)
            assert (calls or []) == [call.name for call in event.get_function_calls()]
            assert interrupted == bool(event.interrupted)


def _keys(store, number=5):
    rows = store.log.database.rows(
        "select app_name, user_id, id from sessions order by session_no desc limit $1", [number]
    )
    return [SessionKey(*row) for row in rows]


def test_conversations_can_go_on(demo):
    [key, *_] = _keys(demo)
    demo.sessions.set_saved([key], saved=True)
    assert demo.sessions.get(key.session_id).saved


def test_they_are_marked_as_made_up(demo, tmp_path):
    assert is_demo(demo)

    own = Store(tmp_path / "own.duckdb")
    assert not is_demo(own)
    own.close()


def test_more_messages_are_made_on_request(tmp_path):
    fill(tmp_path / "many.duckdb", sessions=50, messages=20_000, until=UNTIL)
    with duckdb.connect(str(tmp_path / "many.duckdb"), read_only=True) as connection:
        [number] = connection.execute("select count(text) from events").fetchone()
    assert 18_000 < number < 22_000


def test_a_file_that_is_there_is_never_touched(path, tmp_path):
    before = contents(path)
    with pytest.raises(FileExistsError):
        fill(path, sessions=1, until=UNTIL)
    command = [sys.executable, "-m", "colloquy.demo", "--sessions", "5", "--folder", str(tmp_path)]
    first, second = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True) for _ in range(2))

    assert contents(path) == before
    assert "5 demo conversations" in first.stdout
    assert "already exists" in second.stdout
