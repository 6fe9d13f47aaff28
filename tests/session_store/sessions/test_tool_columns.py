"""The tool columns of an event, for new events and for stored ones."""

from __future__ import annotations

import json

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

from session_store.sessions.event_rows import NewEvent
from session_store.sessions.tool_columns import ABORTED, ENDED, LONGEST_TEXT, STOPPED, ToolColumns, tool_columns_of_json
from session_store.transcripts.transcript import STILL_AT_WORK
from tests.session_store.events import said


def event(*parts: types.Part, **actions: object) -> Event:
    content = types.Content(role="user", parts=list(parts))
    return Event(author="agent", invocation_id="t1", content=content, actions=EventActions(**actions))


def call(name: str, **args: object) -> types.Part:
    return types.Part(function_call=types.FunctionCall(id="c1", name=name, args=args))


def answer(name: str, call_id: str = "c1", **response: object) -> types.Part:
    return types.Part(function_response=types.FunctionResponse(id=call_id, name=name, response=response))


def columns(made: Event) -> ToolColumns:
    """The columns, which must be the same for the event and for its stored JSON."""
    new = NewEvent.of(made)
    assert new.tools == tool_columns_of_json(new.data)
    return new.tools


def uses(made: Event) -> list[tuple[str, str, str]]:
    """Id, tool and outcome of each call and answer."""
    return [(use["id"], use["tool"], use["outcome"]) for use in json.loads(columns(made).uses or "[]")]


def test_an_event_without_tools_has_empty_columns():
    assert columns(said("Hello")) == ToolColumns()
    assert columns(Event(author="agent", invocation_id="t1")) == ToolColumns()


def test_calls_and_answers_are_searchable_without_quotes_and_backslashes():
    asked = call("run_sql", sql='select "a"\nfrom b', limit=3, deep={"list": [1, None, True, "x"]}, guessed=True)
    assert columns(event(asked))[:2] == (
        None,
        'run_sql sql: select "a"\nfrom b, limit: 3, deep: list: 1, null, true, x',
    )
    assert columns(event(answer("one", rows=2), answer("two", say="ok")))[:2] == (None, "one rows: 2\ntwo say: ok")
    assert columns(event(call("now")))[:2] == (None, "now ")


def test_each_error_answer_names_its_tool():
    failed = event(answer("a", error="no"), answer("b", error=""), answer("a", error={"code": 1}), answer("c", x=1))
    assert columns(failed)[0] == ["a", "a"]


WAITING = "This tool call requires confirmation, please approve or reject."


def test_a_tool_that_waits_for_approval_is_unanswered_whatever_the_others_do():
    both = event(
        answer("buy", "c7", error=WAITING),
        answer("look", "c8", error="no"),
        requested_tool_confirmations={"c7": ToolConfirmation()},
    )
    assert columns(both)[:2] == (["look"], "look error: no")
    assert uses(both) == [("c7", "buy", "waiting"), ("c8", "look", "failed")]


@pytest.mark.parametrize("reason", ["This tool call is rejected.", STILL_AT_WORK, STOPPED, ABORTED, ENDED])
def test_an_unanswered_call_has_not_failed(reason):
    told = event(answer("buy", error=reason))
    assert columns(told)[:2] == (None, f"buy error: {reason}")
    assert uses(told) == [("c1", "buy", "unanswered")]


def test_calls_and_answers_are_matched_by_call_id_or_tool_name():
    assert uses(event(call("run_sql"), call("now"))) == [("c1", "run_sql", "called"), ("c1", "now", "called")]
    assert uses(event(answer("run_sql", rows=1), answer("now", "", error={"code": 7}))) == [
        ("c1", "run_sql", "succeeded"),
        ("now", "now", "failed"),
    ]


def test_internal_calls_of_adk_are_not_tools():
    assert columns(event(call("adk_request_confirmation", hint="Really?"))) == ToolColumns()
    assert columns(event(answer("adk_request_confirmation", error="x"))) == ToolColumns()


def test_a_long_answer_is_stored_by_its_beginning():
    text = columns(event(answer("read", text="long " * 5_000)))[1]
    assert len(text) == LONGEST_TEXT


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70])
def test_numbers_unknown_to_json_are_harmless(value):
    assert columns(event(call("calculate", x=1), state_delta={"x": value}))[1] == "calculate x: 1"
