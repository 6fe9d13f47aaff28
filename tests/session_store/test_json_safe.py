"""Values that JSON does not know are joined, replaced or spelled out, and nothing is lost because of them."""

from __future__ import annotations

import asyncio
import json
import math

import numpy as np
import pytest
from google.adk.events.event import Event, EventActions
from google.genai import types

from session_store import DuckDBSessionService, Store
from session_store.json_safe import as_json, joined, mend, split_off_half, without_halves
from session_store.models import SessionKey, TitleSource, Turn, TurnStatus

KEY = SessionKey("agent", "ann", "one")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("plain", "plain"),
        ("Grüße 😀", "Grüße 😀"),
        ("smile \ud83d\ude00", "smile 😀"),
        ("half \ud83d sign", "half \ufffd sign"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
    ],
)
def test_surrogate_pairs_are_joined_and_single_halves_replaced(text, whole):
    assert joined(text) == whole
    assert without_halves({text: [text, {"in": (text, 1, None)}]}) == {whole: [whole, {"in": (whole, 1, None)}]}


def test_a_half_at_the_end_waits_for_the_next_text():
    assert split_off_half("smile \ud83d") == ("smile ", "\ud83d")
    assert split_off_half("smile \ude00") == ("smile \ude00", "")
    assert split_off_half("") == ("", "")


def test_every_text_of_a_pydantic_model_is_repaired_in_place():
    call = types.FunctionCall(id="c", name="look", args={"what\ud83d": ["a\ud83d\ude00", {"deep": "b\ud83d"}]})
    content = types.Content(role="model", parts=[types.Part(function_call=call)])
    event = Event(author="agent", content=content, error_message="no\ud83d", custom_metadata={"m": "x\ud83d"})
    mend(event)
    assert event.content.parts[0].function_call.args == {"what\ufffd": ["a😀", {"deep": "b\ufffd"}]}
    assert (event.error_message, event.custom_metadata) == ("no\ufffd", {"m": "x\ufffd"})
    event.model_dump_json()


NUMBERS = {"a": math.nan, "b": [math.inf, (-math.inf, 1.5)], "c": np.float64("nan")}
WORDS = {"a": "NaN", "b": ["Infinity", ["-Infinity", 1.5]], "c": "NaN"}


def test_nan_and_infinity_become_words():
    assert json.loads(json.dumps(as_json(NUMBERS), allow_nan=False)) == WORDS


async def test_sessions_store_nan_and_infinity_as_words_except_in_state(path):
    async with DuckDBSessionService(path) as service:
        session = await service.create_session(app_name="agent", user_id="ann")
        response = types.FunctionResponse(id="c", name="mean", response=NUMBERS)
        answered = Event(
            author="agent",
            content=types.Content(parts=[types.Part(function_response=response)]),
            output=math.nan,
            custom_metadata=NUMBERS,
            actions=EventActions(state_delta={"mean": math.nan}),
        )
        await service.append_event(session, answered)
        found = await service.get_session(app_name="agent", user_id="ann", session_id=session.id)
        for [event] in (session.events, found.events):
            assert as_lists(event.get_function_responses()[0].response) == as_lists(event.custom_metadata) == WORDS
            assert event.output == "NaN"
            assert math.isnan(event.actions.state_delta["mean"])
        assert math.isnan(found.state["mean"])


def as_lists(value):
    return json.loads(json.dumps(value))


async def test_sessions_accept_halves_anywhere_and_return_valid_text(path):
    async with DuckDBSessionService(path) as service:
        session = await service.create_session(
            app_name="agent", user_id="ann", state={"mood": "\ud83d\ude00", "user:deep": {"list": ["\ud83d"]}}
        )
        said = Event(
            author="agent",
            content=types.Content(role="model", parts=[types.Part(text="half \ud83d sign")]),
            actions=EventActions(state_delta={"note": "\ud83d", "app:list": [float("nan"), "\ud83d"]}),
        )
        response = types.FunctionResponse(id="c", name="look", response={"found": "\ud83d"})
        answered = Event(author="agent", content=types.Content(parts=[types.Part(function_response=response)]))
        for event in (said, answered):
            await service.append_event(session, event)
        found = await service.get_session(app_name="agent", user_id="ann", session_id=session.id)
        assert found.events[0].content.parts[0].text == "half \ufffd sign"
        assert found.events[1].get_function_responses()[0].response == {"found": "\ufffd"}
        for known in (found, session):
            assert (known.state["note"], known.state["app:list"][1]) == ("\ufffd", "\ufffd")
        assert (found.state["mood"], found.state["user:deep"]) == ("😀", {"list": ["\ufffd"]})
        found.model_dump_json()


def test_everything_else_that_is_stored_accepts_halves(path):
    store = Store(path)
    store.sessions.create(KEY)
    store.sessions.rename(KEY, "Half \ud83d", TitleSource.PERSON)
    store.labels.set_tags([KEY], add=["tag\ud83d"])
    store.labels.set_note(KEY, "note\ud83d\ude00")
    message = {"role": "user", "parts": [{"text": "half \ud83d"}]}
    store.turns.create(Turn("t1", KEY, TurnStatus.RUNNING, message, None, 1.0))
    store.turns.append_chunks({"t1": "chunk \ud83d"})
    assert store.turns.partial_text("t1") == "chunk \ufffd"
    store.turns.update("t1", status=TurnStatus.FAILED, error="because \ud83d")
    row, turn = store.history.row(KEY), store.turns.get("t1")
    assert (row.title, row.tags, row.note) == ("Half \ufffd", ("tag\ufffd",), "note😀")
    assert (turn.error, turn.message["parts"][0]["text"]) == ("because \ufffd", "half \ufffd")
    assert store.sessions.find(SessionKey("agent", "ann", "\ud83d")) is None
    store.close()


def test_one_bad_append_does_not_lose_concurrent_ones(path):
    async def append(service, number):
        session = await service.create_session(app_name="agent", user_id="ann", session_id=str(number))
        text = "half \ud83d" if number == 3 else f"whole {number}"
        content = types.Content(role="model", parts=[types.Part(text=text)])
        await service.append_event(session, Event(author="agent", content=content))

    async def run():
        async with DuckDBSessionService(path) as service:
            await asyncio.gather(*[append(service, number) for number in range(8)])
            return service.store.log.database.rows("select text from events order by text")

    assert [row[0] for row in asyncio.run(run())] == ["half \ufffd", *[f"whole {n}" for n in range(8) if n != 3]]
