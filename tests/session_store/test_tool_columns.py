"""What the columns of an event say about the tools in it, for events as they come and as they were stored."""

from __future__ import annotations

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

from session_store.event_rows import NewEvent
from session_store.tool_columns import LONGEST_TEXT, tool_columns_of_json
from tests.session_store.events import said


def event(*parts: types.Part, **actions: object) -> Event:
    content = types.Content(role="user", parts=list(parts))
    return Event(author="agent", invocation_id="t1", content=content, actions=EventActions(**actions))


def call(name: str, **args: object) -> types.Part:
    return types.Part(function_call=types.FunctionCall(id="c1", name=name, args=args))


def answer(name: str, call_id: str = "c1", **response: object) -> types.Part:
    return types.Part(function_response=types.FunctionResponse(id=call_id, name=name, response=response))


def columns(made: Event) -> tuple[list[str] | None, str | None]:
    """The same for the event and for the JSON that is kept of it."""
    new = NewEvent.of(made)
    assert new.tools == tool_columns_of_json(new.data)
    return new.tools


def test_an_event_without_tools_has_neither():
    assert columns(said("Hello")) == (None, None)
    assert columns(Event(author="agent", invocation_id="t1")) == (None, None)


def test_calls_and_answers_are_words_without_quotes_and_backslashes():
    asked = call("run_sql", sql='select "a"\nfrom b', limit=3, deep={"list": [1, None, True, "x"]}, guessed=True)
    assert columns(event(asked)) == (None, 'run_sql sql: select "a"\nfrom b, limit: 3, deep: list: 1, null, true, x')
    assert columns(event(answer("one", rows=2), answer("two", say="ok"))) == (None, "one rows: 2\ntwo say: ok")
    assert columns(event(call("now"))) == (None, "now ")


def test_each_answer_that_is_an_error_names_its_tool():
    failed = event(answer("a", error="no"), answer("b", error=""), answer("a", error={"code": 1}), answer("c", x=1))
    assert columns(failed)[0] == ["a", "a"]


def test_a_tool_that_waits_for_a_person_or_was_declined_has_not_failed():
    waiting = answer("buy", "c7", error="This tool call requires confirmation, please approve or reject.")
    assert columns(event(waiting, requested_tool_confirmations={"c7": ToolConfirmation()})) == (None, None)
    assert columns(event(answer("buy", error="This tool call is rejected."))) == (
        None,
        "buy error: This tool call is rejected.",
    )


def test_what_adk_asks_for_itself_is_no_tool():
    assert columns(event(call("adk_request_confirmation", hint="Really?"))) == (None, None)
    assert columns(event(answer("adk_request_confirmation", error="x"))) == (None, None)


def test_a_long_answer_is_kept_by_its_beginning():
    text = columns(event(answer("read", text="long " * 5_000)))[1]
    assert len(text) == LONGEST_TEXT


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70])
def test_numbers_that_json_does_not_know_do_no_harm(value):
    assert columns(event(call("calculate", x=1), state_delta={"x": value}))[1] == "calculate x: 1"
