"""Stores that contain every kind of data, and their contents for comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.genai import types

from session_store import Store
from session_store.models import Result, ResultKind, SessionKey, StoredConnection, TitleSource, Turn, TurnStatus
from tests.session_store.events import append, rewind, said

KEY = SessionKey("data_analyst", "local", "6f0a3c0e-0000-4000-8000-000000000001")
OTHER = SessionKey("assistant", "ana", "s-2")


def called(turn: str) -> list[Event]:
    """A tool call and its response."""
    call = types.FunctionCall(id=f"call-{turn}", name="run_sql", args={"sql": "select 'a``b'", "limit": 3})
    answer = types.FunctionResponse(id=f"call-{turn}", name="run_sql", response={"rows": [[1, "ä"]], "seconds": 0.25})
    return [
        Event(
            author="data_analyst",
            invocation_id=turn,
            content=types.Content(role="model", parts=[types.Part(function_call=call)]),
            model_version="model-1",
            usage_metadata=types.GenerateContentResponseUsageMetadata(
                prompt_token_count=7, candidates_token_count=5, thoughts_token_count=2, cached_content_token_count=1
            ),
        ),
        Event(
            author="data_analyst",
            invocation_id=turn,
            content=types.Content(role="user", parts=[types.Part(function_response=answer)]),
            actions=EventActions(state_delta={"seen": {"deep": [None, 1.5]}, "user:tone": "dry", "app:limit": 2**70}),
        ),
    ]


def turn(key: SessionKey, turn_id: str, text: str, **fields: Any) -> Turn:
    message = types.Content(role="user", parts=[types.Part(text=text)]).model_dump(mode="json", exclude_none=True)
    known = {"status": TurnStatus.COMPLETED, "model": "embedded", "created_at": 1_700_000_000.5, **fields}
    return Turn(id=turn_id, key=key, message=message, **known)


def fill(store: Store) -> None:
    """Two sessions of two users, with every kind of data."""
    region = store.workspaces.create("Sales")
    land = store.workspaces.create("Nord", region.id)
    store.workspaces.set_connection(land.id, StoredConnection("duckdb", "sales.duckdb", "Sales data"))
    store.workspaces.create("Empty")
    store.sessions.create(KEY, model="embedded", workspace_id=land.id)
    store.sessions.create(OTHER)
    for number in range(3):
        turn_id = f"turn-{number}"
        store.turns.create(turn(KEY, turn_id, f"Question {number}", error="it broke" if number == 2 else None))
        store.turns.update(
            turn_id,
            status=TurnStatus.FAILED if number == 2 else TurnStatus.STOPPED,
            started_at=1_700_000_001.0,
            first_token_at=1_700_000_001.25,
            ended_at=1_700_000_002.0,
            input_tokens=7,
            output_tokens=5,
        )
        append(store, KEY, said(f"Question {number}", turn=turn_id), *called(turn_id))
        append(store, KEY, said(f"Answer **{number}**", author="data_analyst", turn=turn_id, interrupted=number == 1))
    append(store, KEY, rewind("turn-2"))
    image = types.Part(inline_data=types.Blob(data=b"\x89PNG\x00\xff", mime_type="image/png", display_name="a.png"))
    picture = Event(author="user", invocation_id="turn-3", content=types.Content(role="user", parts=[image]))
    append(store, OTHER, picture, said("Grüße 🦔", author="assistant", turn="turn-3", error_code="SAFETY"))
    store.sessions.rename(KEY, 'Sales: "north" / 2026?', TitleSource.PERSON)
    store.sessions.set_saved([KEY], saved=True)
    store.labels.set_tags([KEY], add=["north", "Q3"])
    store.labels.set_note(KEY, "Ask again in *March*.")
    store.sessions.terminate([OTHER])
    _add_results(store)
    answer = store.events.list(KEY)[-1].event.id
    store.feedback.set(KEY, answer, -1, "Too short")


def _add_results(store: Store) -> None:
    for number, data in enumerate((b"PAR1" + bytes(range(256)) * 20, None, b"")):
        store.results.add(
            Result(
                id=f"result-{number}",
                key=KEY,
                turn_id="turn-0",
                call_id="call-turn-0",
                kind=list(ResultKind)[number],
                title=f"Result {number}",
                sql="select 1",
                spec={"mark": "bar", "encoding": {"x": {"field": "month"}}} if number == 1 else None,
                rows=10,
                note="Only 10 rows.",
                seconds=0.5,
                file_name="a.csv" if number == 2 else None,
                file_version=3 if number == 2 else None,
                mime_type="text/csv" if number == 2 else None,
                size=len(data or b""),
                created_at=1_700_000_003.0 + number,
            ),
            data,
        )


def shared_file() -> Result:
    """A user's file, as a result of a session."""
    return Result(
        id="result-shared",
        key=KEY,
        turn_id="turn-0",
        call_id=None,
        kind=ResultKind.FILE,
        title="logo.png",
        sql=None,
        spec=None,
        rows=None,
        note="",
        seconds=None,
        file_name="user:logo.png",
        file_version=0,
        mime_type="text/html",
        size=4,
        created_at=1_700_000_009.0,
    )


_QUERIES = {
    "sessions": "select app_name, user_id, id, title, title_source, model, saved, created_at, updated_at, seen_at, "
    "workspace_id, state, terminated_at, note, branched_from, branched_at from sessions where deleted_at is null "
    "order by all",
    "events": "select s.id, e.* exclude (seq, session_no) from events e join sessions s using (session_no) "
    "where s.deleted_at is null order by e.session_no, e.seq",
    "tags": "select s.id, t.tag from tags t join sessions s using (session_no) where s.deleted_at is null order by all",
    "turns": "select s.id, t.* exclude (session_no) from turns t join sessions s using (session_no) "
    "where s.deleted_at is null order by t.id",
    "results": "select s.id, r.* exclude (session_no) from results r join sessions s using (session_no) order by r.id",
    "result_data": "select * from result_data order by all",
    "feedback": "select s.id, f.* exclude (session_no) from feedback f join sessions s using (session_no) order by all",
    "workspaces": "select * from workspaces order by id",
    "app_states": "select app_name, state from app_states order by all",
    "user_states": "select app_name, user_id, state from user_states order by all",
}
_JSON = {"state", "data", "message", "spec"}


def contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Everything that a closed store holds about sessions that are not deleted, with JSON parsed and NaN kept."""
    store = Store(path)
    try:
        return held(store)
    finally:
        store.close()


def held(store: Store) -> dict[str, list[dict[str, Any]]]:
    """The contents of an open store."""
    return {name: _rows(store, sql) for name, sql in _QUERIES.items()}


def _rows(store: Store, sql: str) -> list[dict[str, Any]]:
    with store.log.database.reading() as cursor:
        cursor.execute(sql)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, map(_plain, names, row), strict=True)) for row in cursor.fetchall()]


def _plain(name: str, value: Any) -> Any:
    if name in _JSON and isinstance(value, str):
        return json.loads(value, parse_constant=str)
    return value
