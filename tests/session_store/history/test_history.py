"""Querying the history in SQL: its views, and what the engine refuses."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from google.adk.events.event import Event
from google.genai import types

from session_store import Store
from session_store.errors import StoreClosedError
from session_store.models import SessionKey, SessionStatus, TitleSource, Turn, TurnStatus
from tests.session_store.events import append, changed, rewind, said

KEY = SessionKey("analyst", "ann", "one")
DELETED = SessionKey("analyst", "ann", "two")
USAGE = types.GenerateContentResponseUsageMetadata(prompt_token_count=7, candidates_token_count=3)


def tool(kind: str, **fields) -> Event:
    maker = {"call": types.FunctionCall, "response": types.FunctionResponse}[kind]
    part = types.Part(**{f"function_{kind}": maker(**fields)})
    return Event(
        author="analyst", invocation_id="t1", content=types.Content(role="model", parts=[part]), timestamp=61.0
    )


@pytest.fixture
def history(store: Store):
    """A conversation with a tool and one rewound turn, and a deleted conversation."""
    work = store.workspaces.create("Work")
    for key in (KEY, DELETED):
        store.sessions.create(key, model="small", workspace_id=work.id)
        store.sessions.rename(key, "Sales", TitleSource.PERSON)
    times = {"created_at": 60.0, "started_at": 60.0, "first_token_at": 60.5, "ended_at": 62.0}
    for name in ("t1", "t2"):
        store.turns.create(Turn(name, KEY, TurnStatus.COMPLETED, {}, "small", **times))
    append(
        store,
        KEY,
        said("How much?", turn="t1", timestamp=60.0),
        tool("call", id="c1", name="run_sql", args={"sql": "select 1"}),
        tool("response", id="c1", name="run_sql", response={"status": "running"}),
        tool("response", id="c1", name="run_sql", response={"rows": 1}),
        tool("call", id="c2", name="adk_request_confirmation", args={}),
        said("One.", author="analyst", turn="t1", timestamp=62.0, usage_metadata=USAGE, model_version="small-1"),
        changed("t1", ratio=float("nan")),
        said("And?", turn="t2", timestamp=63.0),
        said("Taken back", author="analyst", turn="t2", timestamp=64.0, usage_metadata=USAGE, model_version="small-1"),
        rewind("t2"),
    )
    append(store, DELETED, said("Secret", timestamp=1.0))
    answers = [stored.event.id for stored in store.events.list(KEY, include_rewound=True)]
    store.feedback.set(KEY, answers[5], -1, "too short")
    store.feedback.set(KEY, answers[8], 1)
    store.feedback.set(DELETED, store.events.list(DELETED)[0].event.id, 1)
    store.sessions.delete([DELETED])
    with store.cursor() as cursor:
        yield cursor


def dicts(cursor: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
    cursor.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_conversations_have_their_workspace_and_counts(history):
    (row,) = dicts(history, "from conversations")
    assert row.pop("created_at").year > 2020
    assert isinstance(row.pop("updated_at"), datetime)
    assert row == {
        "id": "one",
        "title": "Sales",
        "workspace": "Work",
        "agent": "analyst",
        "model": "small",
        "user": "ann",
        "saved": False,
        "messages": 2,
        "turns": 1,
        "input_tokens": 14,
        "output_tokens": 6,
        "status": "idle",
        "last_turn_status": "completed",
        "tags": [],
        "note": "",
        "terminated_at": None,
        "branched_from": None,
    }


def test_messages_turns_and_feedback_exclude_deleted_and_rewound_rows(history):
    messages = dicts(history, "select * from history.messages order by created_at")
    assert [(m["role"], m["author"], m["text"], m["model"], m["partial"]) for m in messages] == [
        ("user", "user", "How much?", None, False),
        ("agent", "analyst", "One.", "small-1", False),
    ]
    assert messages[1]["created_at"].isoformat() == "1970-01-01T00:01:02"
    assert {(m["conversation_id"], m["turn_id"]) for m in messages} == {("one", "t1")}

    (turn,) = dicts(history, "from turns")
    assert (turn["id"], turn["first_token_seconds"], turn["seconds"]) == ("t1", 0.5, 2.0)
    (feedback,) = dicts(history, "from feedback")
    assert (feedback["message_id"], feedback["score"], feedback["comment"]) == (messages[1]["id"], -1, "too short")


def test_tool_calls_have_their_last_response(history):
    (call,) = dicts(history, "from tool_calls")
    assert (call["conversation_id"], call["turn_id"], call["tool"]) == ("one", "t1", "run_sql")
    assert (call["arguments"], call["response"]) == ('{"sql":"select 1"}', '{"rows":1}')


def test_every_view_is_documented(history):
    views = history.execute("select view_name, comment from duckdb_views() where schema_name = 'history'").fetchall()
    assert sorted(view for view, _ in views) == ["conversations", "feedback", "messages", "tool_calls", "turns"]
    assert all(comment for _, comment in views)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{file}')",
        "select * from read_text('{file}')",
        "select * from '{file}'",
        "from glob('{folder}/*')",
        "copy (select 1) to '{folder}/stolen.csv'",
        "export database '{folder}/stolen'",
        "attach '{folder}/stolen.db'",
        "attach 'https://example.com/x.db'",
        "load httpfs",
        "from here_in_python",
        "set enable_external_access = true",
        "set memory_limit = '100GB'",
        "reset lock_configuration",
    ],
)
def test_the_engine_can_access_neither_files_nor_network(store, tmp_path, sql):
    here_in_python = pa.table({"a": [1]})
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")

    with store.cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(sql.format(file=secret, folder=tmp_path)).fetchall()
    assert not list(tmp_path.glob("stolen*"))
    del here_in_python


@pytest.mark.parametrize("late", [0.0, 0.05])
def test_closing_the_store_interrupts_queries(store, path, late):
    """This includes a query that starts while the store closes: an interruption before its start has no effect."""
    begun, interrupted = threading.Event(), threading.Event()

    def ask() -> None:
        with store.cursor() as cursor:
            begun.set()
            time.sleep(late)
            with pytest.raises(duckdb.Error):
                cursor.execute("select count(*) from range(100000000) a, range(100000000) b").fetchall()
        interrupted.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    begun.wait()
    store.close()
    thread.join(30)

    assert interrupted.is_set()
    with pytest.raises(StoreClosedError), store.cursor():
        pass
    Store(path).close()


def test_a_session_whose_turn_waits_for_the_user_is_paused(store):
    store.sessions.create(KEY)
    store.turns.create(Turn("t1", KEY, TurnStatus.RUNNING, {}, None, created_at=1.0))

    def status() -> set[SessionStatus]:
        listed = store.sessions.list("ann", workspace_id="general").items[0]
        return {listed.status, store.sessions.get("one").status}

    store.turns.update("t1", status=TurnStatus.PAUSED)
    assert status() == {SessionStatus.PAUSED}
    assert [turn.id for turn in store.turns.unfinished(KEY)] == ["t1"]
    store.turns.update("t1", status=TurnStatus.RUNNING)
    assert status() == {SessionStatus.RUNNING}
    store.turns.update("t1", status=TurnStatus.STOPPED)
    assert status() == {SessionStatus.IDLE}
