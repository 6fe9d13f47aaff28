"""What the columns of an event say about the tools in it, for events as they come and as they were stored."""

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
    """The same for the event and for the JSON that is kept of it."""
    new = NewEvent.of(made)
    assert new.tools == tool_columns_of_json(new.data)
    return new.tools


def uses(made: Event) -> list[tuple[str, str, str]]:
    """Id, tool and outcome of each call and answer."""
    return [(use["id"], use["tool"], use["outcome"]) for use in json.loads(columns(made).uses or "[]")]


def test_an_event_without_tools_has_none():
    assert columns(said("Hello")) == ToolColumns()
    assert columns(Event(author="agent", invocation_id="t1")) == ToolColumns()


def test_calls_and_answers_are_words_without_quotes_and_backslashes():
    asked = call("run_sql", sql='select "a"\nfrom b', limit=3, deep={"list": [1, None, True, "x"]}, guessed=True)
    assert columns(event(asked))[:2] == (
        None,
        'run_sql sql: select "a"\nfrom b, limit: 3, deep: list: 1, null, true, x',
    )
    assert columns(event(answer("one", rows=2), answer("two", say="ok")))[:2] == (None, "one rows: 2\ntwo say: ok")
    assert columns(event(call("now")))[:2] == (None, "now ")


def test_each_answer_that_is_an_error_names_its_tool():
    failed = event(answer("a", error="no"), answer("b", error=""), answer("a", error={"code": 1}), answer("c", x=1))
    assert columns(failed)[0] == ["a", "a"]


WAITING = "This tool call requires confirmation, please approve or reject."


def test_a_tool_that_waits_for_a_person_has_not_answered_whatever_else_has():
    both = event(
        answer("buy", "c7", error=WAITING),
        answer("look", "c8", error="no"),
        requested_tool_confirmations={"c7": ToolConfirmation()},
    )
    assert columns(both)[:2] == (["look"], "look error: no")
    assert uses(both) == [("c7", "buy", "waiting"), ("c8", "look", "failed")]


@pytest.mark.parametrize("reason", ["This tool call is rejected.", STILL_AT_WORK, STOPPED, ABORTED, ENDED])
def test_a_call_that_nobody_answers_has_not_failed(reason):
    told = event(answer("buy", error=reason))
    assert columns(told)[:2] == (None, f"buy error: {reason}")
    assert uses(told) == [("c1", "buy", "unanswered")]


def test_calls_and_answers_are_known_by_the_id_of_the_call_or_else_by_the_tool():
    assert uses(event(call("run_sql"), call("now"))) == [("c1", "run_sql", "called"), ("c1", "now", "called")]
    assert uses(event(answer("run_sql", rows=1), answer("now", "", error={"code": 7}))) == [
        ("c1", "run_sql", "succeeded"),
        ("now", "now", "failed"),
    ]


def test_what_adk_asks_for_itself_is_no_tool():
    assert columns(event(call("adk_request_confirmation", hint="Really?"))) == ToolColumns()
    assert columns(event(answer("adk_request_confirmation", error="x"))) == ToolColumns()


def test_a_long_answer_is_kept_by_its_beginning():
    text = columns(event(answer("read", text="long " * 5_000)))[1]
    assert len(text) == LONGEST_TEXT


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70])
def test_numbers_that_json_does_not_know_do_no_harm(value):
    assert columns(event(call("calculate", x=1), state_delta={"x": value}))[1] == "calculate x: 1"
