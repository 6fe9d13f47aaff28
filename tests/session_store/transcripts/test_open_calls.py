"""Tool calls without an answer, or without ids."""

from __future__ import annotations

from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

from session_store.transcripts.call_ids import with_call_ids
from session_store.transcripts.open_calls import closing_events, questions, with_closed_calls
from session_store.transcripts.transcript import ASKS, messages

REASON = "Nobody will answer."


def text(said, turn="t-1", author="user"):
    role = "user" if author == "user" else "model"
    return Event(
        id=f"{turn}-{said}",
        author=author,
        invocation_id=turn,
        timestamp=float(len(said)),
        content=types.Content(role=role, parts=[types.Part(text=said)]),
    )


def calls(*named, turn="t-1", event_id="calls", **fields):
    parts = [types.Part(function_call=types.FunctionCall(id=call_id, name=name)) for call_id, name in named]
    content = types.Content(role="model", parts=parts)
    return Event(id=f"{turn}-{event_id}", author="shop", invocation_id=turn, timestamp=9.0, content=content, **fields)


def answers(*named, turn="t-1", **fields):
    parts = [
        types.Part(function_response=types.FunctionResponse(id=call_id, name=name, response={"result": result}))
        for call_id, name, result in named
    ]
    content = types.Content(role="user", parts=parts)
    return Event(id=f"{turn}-answers", author="shop", invocation_id=turn, timestamp=9.5, content=content, **fields)


def asks(turn="t-1"):
    args = {"originalFunctionCall": {"id": "c-1", "name": "pay"}, "toolConfirmation": {"hint": "Pay?"}}
    call = types.FunctionCall(id="q-1", name=ASKS, args=args)
    content = types.Content(role="model", parts=[types.Part(function_call=call)])
    return Event(id=f"{turn}-asks", author="shop", invocation_id=turn, content=content, long_running_tool_ids={"q-1"})


def results(events):
    """The content of each answer, by the id of its call."""
    return {answer.id: answer.response for event in events for answer in event.get_function_responses()}


def stored(events):
    """The steps that the user sees."""

    class Stored:
        def __init__(self, event):
            self.event = event

    return [step for message in messages(map(Stored, events)) for step in message.steps]


class TestClosing:
    def test_a_call_without_an_answer_gets_the_reason(self):
        made = with_closed_calls([text("order"), calls(("c-1", "order"), long_running_tool_ids={"c-1"})], REASON)

        assert results(made) == {"c-1": {"error": REASON}}
        assert (made[-1].invocation_id, made[-1].author, made[-1].timestamp) == ("t-1", "shop", 9.0)

    def test_the_closing_answer_is_at_the_end_of_its_turn(self):
        made = with_closed_calls([text("order"), calls(("c-1", "order")), text("hello", "t-2")], REASON)

        assert [event.invocation_id for event in made] == ["t-1", "t-1", "t-1", "t-2"]
        assert made[2].get_function_responses()

    def test_without_turn_ids_each_user_message_begins_a_turn(self):
        made = with_closed_calls([text("order", ""), calls(("c-1", "order"), turn=""), text("hello", "")], REASON)

        assert made[2].get_function_responses()

    def test_an_unanswerable_question_is_declined_and_its_call_closed(self):
        waiting = EventActions(requested_tool_confirmations={"c-1": ToolConfirmation(hint="Pay?")})
        events = [text("pay"), calls(("c-1", "pay")), asks(), answers(("c-1", "pay", "waits"), actions=waiting)]

        made = with_closed_calls(events, REASON)

        assert questions(made) == {}
        assert [(step.approved, step.error) for step in stored(made)] == [(False, REASON)]

    def test_an_answer_in_a_later_turn_counts(self):
        events = [text("order"), calls(("c-1", "order")), answers(("c-1", "order", "sent"), turn="t-2")]

        assert with_closed_calls(events, REASON) == events

    def test_of_two_calls_with_one_id_the_unanswered_one_is_closed(self):
        made = closing_events([calls(("c-1", "order"), ("c-1", "order")), answers(("c-1", "order", "sent"))], REASON)

        assert [answer.response for event in made for answer in event.get_function_responses()] == [{"error": REASON}]

    def test_generated_ids_are_stable(self):
        events = [text("order"), calls(("c-1", "order"), ("c-2", "stock"))]

        first, again = with_closed_calls(events, REASON), with_closed_calls(events, REASON)

        assert [event.id for event in first] == [event.id for event in again]
        assert with_closed_calls(first, REASON) == first


class TestIds:
    def test_calls_without_ids_are_matched_by_name(self):
        made = with_call_ids([calls((None, "price"), (None, "stock")), answers((None, "stock", 2), (None, "price", 1))])

        assert [(step.name, step.response) for step in stored(made)] == [
            ("price", {"result": 1}),
            ("stock", {"result": 2}),
        ]

    def test_calls_with_the_same_name_are_matched_in_order(self):
        made = with_call_ids([calls((None, "price"), ("", "price")), answers((None, "price", 1), ("", "price", 2))])

        assert [step.response for step in stored(made)] == [{"result": 1}, {"result": 2}]

    def test_an_answer_without_an_id_matches_a_call_with_its_name(self):
        made = with_call_ids([calls(("c-1", "price")), answers((None, "price", 1))])

        assert results(made) == {"c-1": {"result": 1}}

    def test_ids_reused_in_every_turn_are_made_unique(self):
        made = with_call_ids(
            [
                calls(("call_0", "price"), turn="t-1"),
                calls(("call_0", "price"), turn="t-2", long_running_tool_ids={"call_0"}),
                answers(("call_0", "price", 2), turn="t-2"),
            ]
        )
        [first, second] = stored(made)

        assert (first.response, second.response) == (None, {"result": 2})
        assert second.call_id in made[1].long_running_tool_ids

    def test_simultaneous_calls_with_one_id_are_made_unique(self):
        made = with_call_ids(
            [calls(("c-1", "price"), ("c-1", "stock")), answers(("c-1", "price", 1), ("c-1", "stock", 2))]
        )

        assert [(step.name, step.response) for step in stored(made)] == [
            ("price", {"result": 1}),
            ("stock", {"result": 2}),
        ]
        assert len(results(made)) == 2

    def test_a_later_answer_to_a_call_has_the_id_of_the_call(self):
        events = [
            calls((None, "order")),
            answers((None, "order", "pending")),
            answers((None, "order", "sent"), turn="t-2"),
        ]

        assert list(results(with_call_ids(events)).values()) == [{"result": "sent"}]

    def test_valid_events_are_unchanged(self):
        events = [calls(("c-1", "price")), answers(("c-1", "price", 1))]

        assert with_call_ids(events) == events
