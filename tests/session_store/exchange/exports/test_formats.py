"""The formats of exports, as their readers see them."""

from __future__ import annotations

import asyncio
import json

import duckdb
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient
from google.adk.cli.fast_api import get_fast_api_app
from google.adk.events.event import Event
from google.adk.sessions.session import Session
from google.genai import types

from session_store import DuckDBSessionService
from session_store.exchange import ExportError, Format, export, selected
from session_store.history.filters import HistoryFilter, only
from session_store.models import SessionKey, TurnStatus
from session_store.transcripts.transcript import ASKS
from tests.session_store.events import append, said
from tests.session_store.exchange.histories import KEY, fill
from tests.session_store.exchange.histories import turn as a_turn


def exported(store, form, target, keys=None):
    return export(store, keys or selected(store), form, target)


def test_markdown_shows_messages_with_the_steps_between_them(store, tmp_path):
    fill(store)

    [file] = exported(store, Format.MARKDOWN, tmp_path / "one.md", [KEY])
    shown = file.read_text("utf-8")

    assert shown.startswith('# Sales: "north" / 2026?\n')
    assert "- Workspace: Nord\n" in shown
    assert "**You** · " in shown
    assert "Tool `run_sql` · " in shown
    assert "```sql\nselect 'a``b'\n```" in shown
    assert "Answer **0**" in shown
    assert "Question 2" not in shown
    assert shown.count("How this turn ended: It was stopped before the answer was complete.") == 2


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (TurnStatus.FAILED, "The server said:\n*no* <b>", r"The server said: \*no\* \<b\>"),
        (TurnStatus.COMPLETED, "The answer was cut off.", "The answer was cut off."),
        (TurnStatus.INTERRUPTED, None, "Colloquy ended before the answer was complete."),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_markdown_says_how_a_turn_ended(store, tmp_path, *, status, error, told, answered):
    key = SessionKey("assistant", "user", "ended")
    store.sessions.create(key)
    store.turns.create(a_turn(key, "t1", "Well?", status=status, error=error))
    append(store, key, said("Well?", turn="t1"))
    if answered:
        append(store, key, said("Half", author="assistant", turn="t1"))

    [file] = exported(store, Format.MARKDOWN, tmp_path / "one.md", [key])

    assert file.read_text("utf-8").endswith(f"\n\nHow this turn ended: {told}\n")


@pytest.mark.parametrize(
    ("asked", "version", "named"), [(None, None, False), ("small", None, True), (None, "small-1", True)]
)
def test_markdown_names_the_model_if_one_was_used(store, tmp_path, *, asked, version, named):
    key = SessionKey("analyst", "user", "queries")
    store.sessions.create(key, model="small")
    assert store.history.asked_a_model(key)  # no model was asked yet, but this one is chosen
    store.turns.create(a_turn(key, "t1", "/sql select 1", model=None))
    store.turns.create(a_turn(key, "t2", "/sql select 2", model=asked))
    append(store, key, said("One", author="analyst", turn="t1", model_version=version))

    [file] = exported(store, Format.MARKDOWN, tmp_path / "one.md", [key])

    assert ("- Model: small\n" in file.read_text("utf-8")) is named
    assert store.history.asked_a_model(key) is named


def test_markdown_says_that_a_call_waits_for_approval(store, tmp_path):
    key = SessionKey("assistant", "user", "asking")
    store.sessions.create(key)
    call = types.FunctionCall(id="c1", name="pay", args={})
    asks = types.FunctionCall(id="c2", name=ASKS, args={"originalFunctionCall": {"id": "c1", "name": "pay"}})
    for one in (call, asks):
        content = types.Content(role="model", parts=[types.Part(function_call=one)])
        append(store, key, Event(author="assistant", invocation_id="t1", content=content))

    [file] = exported(store, Format.MARKDOWN, tmp_path / "one.md", [key])

    assert "Tool `pay` · waiting for a person to say that it may run" in file.read_text("utf-8")


def test_a_folder_gets_a_file_for_each_conversation(store, tmp_path):
    fill(store)

    files = exported(store, Format.MARKDOWN, tmp_path)

    assert sorted(file.name for file in files) == [
        "Sales north 2026 6f0a3c0e-0000-4000-8000-000000000001.md",
        "s-2.md",
    ]


def test_adk_reads_json_as_its_own(store, tmp_path):
    fill(store)

    [file] = exported(store, Format.JSON, tmp_path / "one.json", [KEY])
    session = Session.model_validate_json(file.read_text("utf-8"))
    service = DuckDBSessionService(store)
    original = asyncio.run(service.get_session(app_name=KEY.app_name, user_id=KEY.user_id, session_id=KEY.session_id))

    assert session.events == original.events
    assert {name: session.state[name] for name in original.state} == original.state
    assert session.state["__session_metadata__"]["displayName"] == 'Sales: "north" / 2026?'


def test_adk_web_imports_adk_web_json(store, tmp_path):
    fill(store)
    [file] = exported(store, Format.ADK_WEB, tmp_path / "one.json", [KEY])
    document = json.loads(file.read_text("utf-8"))
    app = get_fast_api_app(agents_dir=str(tmp_path), session_service_uri="memory://", web=False)

    with TestClient(app) as client:
        answer = client.post(
            "/apps/data_analyst/users/user/sessions", json={"events": document["events"], "state": document["state"]}
        )

    assert answer.status_code == 200, answer.text
    assert len(answer.json()["events"]) == len(document["events"]) == 8


def test_json_lines_can_be_queried(store, tmp_path):
    fill(store)

    [file] = exported(store, Format.JSON_LINES, tmp_path / "all.jsonl")
    rows = duckdb.sql(
        f"select author, count(*), sum(input_tokens), count(*) filter (rewound) "
        f"from read_json('{file.as_posix()}') group by author order by author"
    ).fetchall()

    assert rows == [("assistant", 1, None, 0), ("data_analyst", 9, 21, 3), ("user", 5, None, 2)]


def test_parquet_has_a_file_for_each_view(store, tmp_path):
    fill(store)

    files = exported(store, Format.PARQUET, tmp_path / "history")
    rows = {file.stem: pyarrow.parquet.read_table(file).num_rows for file in files}

    assert {"conversations", "messages", "turns", "tool_calls", "feedback"} <= set(rows)
    assert (rows["conversations"], rows["turns"], rows["tool_calls"], rows["feedback"]) == (2, 2, 2, 1)


def test_existing_files_are_overwritten_only_on_request(store, tmp_path):
    fill(store)
    target = tmp_path / "all.json"
    target.write_text("mine", "utf-8")

    with pytest.raises(ExportError, match="exists already"):
        exported(store, Format.JSON, target)
    assert target.read_text("utf-8") == "mine"
    export(store, selected(store), Format.JSON, target, overwrite=True)

    assert len(json.loads(target.read_text("utf-8"))) == 2
    assert [file.name for file in tmp_path.iterdir() if "unfinished" in file.name] == []


def test_an_unwritable_target_is_explained(store, tmp_path):
    fill(store)

    with pytest.raises(ExportError, match="cannot be written"):
        exported(store, Format.ZIP, tmp_path / "missing" / "all.zip")


def test_conversations_can_be_selected_by_id_user_agent_and_saved_mark(store):
    fill(store)
    append(store, KEY, said("More", turn="t"))

    assert selected(store, session_ids=[KEY.session_id]) == selected(store, HistoryFilter(saved=True)) == [KEY]
    assert (
        selected(store, HistoryFilter(users=only("local")))
        == selected(store, HistoryFilter(agents=only("data_analyst")))
        == [KEY]
    )
    assert len(selected(store)) == 2
    with pytest.raises(ExportError, match="no conversation with the id nowhere"):
        selected(store, session_ids=["nowhere"])
