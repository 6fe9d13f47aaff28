"""Messages as the user sees them, made from the events of agents with tools."""

import itertools

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

from session_store.models import SessionKey, StoredEvent, Turn, TurnStatus
from session_store.transcripts.parts import Code, FilePart, Output, Source, Thought, Words
from session_store.transcripts.transcript import ASKS, message_files, message_text, messages
from tests.session_store.events import said

QUERY = {"sql": "select 1"}
ROWS = {"columns": ["x"], "rows": [[1]], "row_count": 1}


@pytest.fixture
def seen():
    """The messages of these events, which are a second apart."""

    def read(*events):
        for second, event in enumerate(events):
            event.timestamp = float(second)
        return messages(StoredEvent(seq, event) for seq, event in enumerate(events))

    return read


def event(*parts, author="analyst", role="model", turn="turn-1", **fields):
    return Event(
        author=author,
        invocation_id=turn,
        content=types.Content(role=role, parts=[types.Part(**p) for p in parts]),
        **fields,
    )


numbers = itertools.count()


def call(name="run_sql", args=QUERY, call_id=None):
    return {"function_call": types.FunctionCall(id=call_id or f"call-{next(numbers)}", name=name, args=args)}


def response(of, value=ROWS):
    asked = of["function_call"]
    return {"function_response": types.FunctionResponse(id=asked.id, name=asked.name, response=value)}


def answer(text, author="analyst", **fields):
    return said(text, author=author, **fields)


def question(about, hint="Really?", call_id="question"):
    original = about["function_call"].model_dump(exclude_none=True, by_alias=True)
    return call(ASKS, {"originalFunctionCall": original, "toolConfirmation": {"hint": hint}}, call_id)


def paused(about):
    """ADK's answer for a tool that waits for its confirmation."""
    asked = {about["function_call"].id: ToolConfirmation(hint="Really?")}
    actions = EventActions(requested_tool_confirmations=asked)
    return event(response(about, {"error": "This tool call requires confirmation."}), role="user", actions=actions)


def decided(response_value, call_id="question"):
    said_so = types.FunctionResponse(id=call_id, name=ASKS, response=response_value)
    return event({"function_response": said_so}, author="user", role="user")


class TestSteps:
    def test_an_answer_with_tool_calls_is_one_message_with_steps_in_order(self, seen):
        first, second = call("list_tables", {}), call()
        user, reply = seen(
            said("how many?"),
            event(first),
            event(response(first, {"tables": []}), role="user"),
            event({"text": "Now the query."}, second),
            event(response(second), role="user"),
            answer("One."),
        )
        assert user.text == "how many?"
        assert reply.text == "Now the query.\n\nOne."
        assert [(step.name, step.response, step.seconds) for step in reply.steps] == [
            ("list_tables", {"tables": []}, 1.0),
            ("run_sql", ROWS, 1.0),
        ]
        assert reply.at == 5.0

    def test_a_message_has_the_id_of_the_event_with_its_text(self, seen):
        asked, last = call(), answer("One.")
        [message] = seen(event(asked), event(response(asked), role="user"), last)
        assert message.id == last.id

    def test_a_step_without_a_tool_answer_has_no_response(self, seen):
        [message] = seen(event(call()))
        [step] = message.steps
        assert (message.text, step.response, step.seconds) == ("", None, None)

    def test_simultaneous_calls_each_get_their_own_response(self, seen):
        one, two = call(args={"sql": "select 1"}), call(args={"sql": "select 2"})
        [message] = seen(event(one, two), event(response(two, {"row_count": 2}), response(one), role="user"))
        assert [step.response["row_count"] for step in message.steps] == [1, 2]

    @pytest.mark.parametrize("call_id", ["twice", None], ids=["one id", "no id"])
    def test_calls_without_distinct_ids_are_answered_in_order(self, seen, call_id):
        one, two, last = ({"function_call": types.FunctionCall(id=call_id, name="run_sql")} for _ in range(3))
        answers = (response(one, {"row_count": 1}), response(two, {"row_count": 2}))
        [message] = seen(event(one, two), event(*answers, role="user"), event(last))
        assert [step.response for step in message.steps] == [{"row_count": 1}, {"row_count": 2}, None]

    def test_reusing_an_id_in_the_next_turn_does_not_affect_the_earlier_call(self, seen):
        asked = call(call_id="c")
        first, second = seen(
            event(asked),
            event(asked, turn="turn-2"),
            event(response(asked, {"row_count": 2}), role="user", turn="turn-2"),
        )
        assert [message.steps[0].response for message in (first, second)] == [None, {"row_count": 2}]

    def test_running_tools_that_share_an_id_get_their_results_in_order(self, seen):
        asked, pending = call(call_id="c"), {"status": "pending"}
        waiting = event(response(asked, pending), response(asked, pending), role="user")
        come = [event(response(asked, {"sent": number}), author="user", role="user", turn="later") for number in (1, 2)]
        shown = seen(event(asked, asked, long_running_tool_ids={"c"}), waiting, *come)
        assert [(step.response, step.waits) for step in shown[0].steps] == [({"sent": 1}, False), ({"sent": 2}, False)]

    def test_an_answer_without_a_call_does_not_answer_another_call(self, seen):
        asked = call()
        [message] = seen(event(asked), event(response(call()), role="user"))
        assert [step.response for step in message.steps] == [None]

    def test_a_tool_error_is_the_error_of_its_step(self, seen):
        asked = call()
        [message] = seen(event(asked), event(response(asked, {"error": "No such table."}), role="user"))
        assert message.steps[0].error == "No such table."

    @pytest.mark.parametrize(
        ("args", "metadata"), [(QUERY | {"guessed": True}, None), (QUERY, {"guessed": True})], ids=["args", "metadata"]
    )
    def test_a_guess_is_marked(self, seen, args, metadata):
        [message] = seen(event(call(args=args), custom_metadata=metadata))
        [step] = message.steps
        assert step.guessed
        assert step.args == QUERY

    def test_a_response_without_a_visible_call_is_left_out(self, seen):
        assert seen(event(response(call()), role="user")) == []

    def test_several_answers_of_one_agent_stay_separate_messages(self, seen):
        assert [message.text for message in seen(answer("a"), answer("b"))] == ["a", "b"]

    def test_turns_are_never_mixed(self, seen):
        left_open = call()
        assert [message.turn_id for message in seen(event(left_open), answer("b", turn="turn-2"))] == [
            "turn-1",
            "turn-2",
        ]

    def test_an_answer_cut_short_is_partial(self, seen):
        asked = call()
        [message] = seen(event(asked), event(response(asked), role="user"), answer("On", interrupted=True))
        assert message.partial


class TestSeveralAgents:
    def test_a_transferring_agent_leaves_its_steps_to_the_next(self, seen):
        asked = call("transfer_to_agent", {"agent_name": "billing"})
        handed = event(
            response(asked, {"result": None}),
            role="user",
            author="desk",
            actions=EventActions(transfer_to_agent="billing"),
        )
        [message] = seen(event(asked, author="desk"), handed, answer("Paid.", author="billing"))
        assert (message.author, message.text) == ("billing", "Paid.")
        assert [step.author for step in message.steps] == ["desk"]

    def test_parallel_agents_keep_their_own_steps(self, seen):
        one, two = call("look", {"at": 1}), call("look", {"at": 2})
        shown = seen(
            event(one, author="a"),
            event(two, author="b"),
            event(response(one), author="a", role="user"),
            event(response(two), author="b", role="user"),
            answer("B.", author="b"),
            answer("A.", author="a"),
        )
        assert [(message.author, message.text, message.steps[0].args["at"]) for message in shown] == [
            ("a", "A.", 1),
            ("b", "B.", 2),
        ]


class TestConfirmations:
    def test_a_call_that_waits_for_the_user_shows_its_question(self, seen):
        asked = call("delete_order", {"order": 7})
        [message] = seen(event(asked), event(question(asked)), paused(asked))
        [step] = message.steps
        assert (step.asks, step.confirmation_id, step.approved, step.response) == ("Really?", "question", None, None)

    @pytest.mark.parametrize(
        ("said_so", "approved"),
        [
            ({"confirmed": True}, True),
            ({"confirmed": False}, False),
            ({"response": '{"confirmed": true}'}, True),
            ({"response": "yes"}, False),
        ],
    )
    def test_a_decision_and_its_outcome_belong_to_the_same_message(self, seen, said_so, approved):
        asked = call("delete_order", {"order": 7})
        [message] = seen(
            event(asked),
            event(question(asked)),
            paused(asked),
            decided(said_so),
            event(response(asked, {"deleted": 7}), role="user"),
            answer("Done."),
        )
        [step] = message.steps
        assert (step.approved, step.response, step.seconds) == (approved, {"deleted": 7}, 1.0)
        assert message.text == "Done."

    def test_text_before_and_after_a_question_is_one_message(self, seen):
        asked = call("book", {"days": 3})
        [message] = seen(
            event(asked),
            event(question(asked)),
            paused(asked),
            answer("You will be asked."),
            decided({"confirmed": True}),
            event(response(asked, {"booked": 3}), role="user"),
            answer("Booked."),
        )
        assert message.text == "You will be asked.\n\nBooked."
        assert not message.goes_on


class TestFiles:
    def test_files_are_separate_from_the_text(self, seen):
        [message] = seen(
            event(
                {"text": "What is this?"},
                {"inline_data": types.Blob(data=b"png", mime_type="image/png", display_name="a.png")},
                {"file_data": types.FileData(file_uri="gs://b/c.pdf", mime_type="application/pdf")},
                {"text": "[Attached file: notes.txt]\nfirst\nsecond"},
                author="user",
                role="user",
            )
        )
        assert message.text == "What is this?"
        assert message.files == (
            FilePart("a.png", "image/png", b"png"),
            FilePart("gs://b/c.pdf", "application/pdf", uri="gs://b/c.pdf"),
            FilePart("notes.txt", "text/plain", b"first\nsecond"),
        )

    def test_a_message_may_consist_of_files_only(self, seen):
        [message] = seen(event({"text": "[Attached file: a.csv]\nx"}, author="user", role="user"))
        assert (message.text, [file.name for file in message.files]) == ("", ["a.csv"])

    def test_agent_text_that_looks_like_a_file_stays_text(self, seen):
        assert seen(answer("[Attached file: a]\nb"))[0].text == "[Attached file: a]\nb"

    def test_a_turn_has_the_text_and_the_files_of_its_message(self):
        content = {"role": "user", "parts": [{"text": "hello"}, {"text": "[Attached file: a.csv]\nx"}]}
        turn = Turn("t", SessionKey("a", "u", "s"), TurnStatus.QUEUED, content, None, 0.0)
        assert message_text(turn) == "hello"
        assert message_files(turn) == (FilePart("a.csv", "text/plain", b"x"),)


def test_events_without_content_are_not_shown(seen):
    assert seen(Event(author="analyst", invocation_id="turn-1")) == []


def heard(text, *, finished, by="user", turn="live"):
    """What a model heard somebody say, or said aloud itself."""
    said_aloud = types.Transcription(text=text, finished=finished)
    way = "input_transcription" if by == "user" else "output_transcription"
    return Event(author=by, invocation_id=turn, **{way: said_aloud})


def ran(code, output=None, outcome="OUTCOME_OK"):
    """Code and its output."""
    parts = [{"executable_code": types.ExecutableCode(code=code, language="PYTHON")}]
    return parts if output is None else [*parts, result(output, outcome)]


def result(output, outcome="OUTCOME_OK"):
    return {"code_execution_result": types.CodeExecutionResult(outcome=outcome, output=output)}


class TestSpoken:
    def test_both_sides_of_a_live_conversation_are_messages(self, seen):
        shown = seen(heard("When do I sow?", finished=True), heard("In May.", finished=True, by="gardener"))
        assert [(message.author, message.text) for message in shown] == [
            ("user", "When do I sow?"),
            ("gardener", "In May."),
        ]

    def test_input_transcriptions_authored_by_the_model_belong_to_the_user(self, seen):
        spoken = types.Transcription(text="Hello?", finished=True)
        [message] = seen(Event(author="gardener", invocation_id="live", input_transcription=spoken))
        assert message.is_user

    @pytest.mark.parametrize(
        ("bits", "whole"),
        [
            ([("When do", False), (" I sow?", False)], "When do I sow?"),
            ([("When do", False), (" I sow?", False), ("When do I sow?", True)], "When do I sow?"),
            ([("When do", False), (" I sow?", True)], "When do I sow?"),
            ([("When do", False), ("When do I sow?", False)], "When do I sow?"),
            ([("When do", None), (" I sow?", None)], "When do I sow?"),
            ([("When do I sow?", False), ("", True)], "When do I sow?"),
        ],
    )
    def test_partial_transcriptions_form_one_message(self, seen, bits, whole):
        assert [message.text for message in seen(*(heard(text, finished=end) for text, end in bits))] == [whole]

    def test_simultaneous_speakers_are_kept_apart(self, seen):
        shown = seen(
            heard("When do", finished=False),
            heard("In ", finished=False, by="gardener"),
            heard(" I sow?", finished=False),
            heard("May.", finished=False, by="gardener"),
        )
        assert [message.text for message in shown] == ["When do I sow?", "In May."]

    def test_the_end_of_a_turn_ends_its_transcription(self, seen):
        shown = seen(
            heard("One", finished=False),
            Event(author="gardener", invocation_id="live", turn_complete=True),
            heard("Two", finished=False),
        )
        assert [message.text for message in shown] == ["One", "Two"]

    def test_without_end_marks_messages_are_split_by_speaker(self, seen):
        shown = seen(
            heard("One?", finished=None), heard("Yes.", finished=None, by="gardener"), heard("Two?", finished=None)
        )
        assert [message.text for message in shown] == ["One?", "Yes.", "Two?"]


class TestCode:
    def test_code_and_output_are_shown_where_the_code_was_run(self, seen):
        [message] = seen(event({"text": "Let me see."}, *ran("print(6 * 7)", "42\n"), {"text": "It is 42."}))
        assert message.parts == (
            Words("Let me see."),
            Code("print(6 * 7)", "python", output="42\n"),
            Words("It is 42."),
        )
        assert message.text == "Let me see.\n\nIt is 42."

    def test_later_output_is_joined_with_its_code_and_answer(self, seen):
        [message] = seen(event(*ran("1 / 0")), event(result("ZeroDivisionError", "OUTCOME_FAILED")), answer("No."))
        assert message.parts == (
            Code("1 / 0", "python", output="ZeroDivisionError", failed=True),
            Words("No."),
        )

    def test_output_without_its_code_is_kept(self, seen):
        [message] = seen(event(result("42")))
        assert message.parts == (Code("", output="42"),)


class TestThoughts:
    def test_a_thought_is_not_part_of_the_text(self, seen):
        [message] = seen(event({"text": "hm", "thought": True}, {"text": "Four."}))
        assert message.parts == (Thought("hm"), Words("Four."))
        assert message.text == "Four."

    def test_a_thought_belongs_to_the_answer_after_it(self, seen):
        [message] = seen(event({"text": "hm", "thought": True}), answer("Four."))
        assert (message.parts, message.goes_on) == ((Thought("hm"), Words("Four.")), False)

    def test_thoughts_inside_the_text_are_recognized(self, seen):
        [message] = seen(answer("<think>hm</think>\n\nFour.<think>sure?</think>Yes."))
        assert message.parts == (Thought("hm"), Words("Four."), Thought("sure?"), Words("Yes."))

    def test_tags_split_over_two_parts_are_joined(self, seen):
        [message] = seen(event({"text": "<thi"}, {"text": "nk>hm</think>Four."}))
        assert message.parts == (Thought("hm"), Words("Four."))

    def test_user_text_that_looks_like_a_thought_stays_text(self, seen):
        [message] = seen(said("<think>hm</think> what is this?"))
        assert message.text == "<think>hm</think> what is this?"


class TestSources:
    def web(self, *pages):
        return types.GroundingMetadata(
            grounding_chunks=[
                types.GroundingChunk(web=types.GroundingChunkWeb(uri=uri, title=title)) for uri, title in pages
            ]
        )

    def test_an_answer_lists_each_source_once(self, seen):
        found = self.web(("https://a.example/1", "A"), ("https://b.example", ""), ("https://a.example/1", "A again"))
        cited = types.CitationMetadata(citations=[types.Citation(uri="https://c.example", title="C")])
        [message] = seen(answer("So.", grounding_metadata=found, citation_metadata=cited))
        assert message.sources == (
            Source("A", "https://a.example/1"),
            Source("https://b.example", "https://b.example"),
            Source("C", "https://c.example"),
        )
        assert [source.site for source in message.sources] == ["a.example", "b.example", "c.example"]

    @pytest.mark.parametrize("uri", ["javascript:alert(1)", "gs://bucket/file.pdf", "https://", "https://a b", "//x"])
    def test_sources_that_are_not_web_pages_are_named_without_a_link(self, seen, uri):
        [message] = seen(answer("So.", grounding_metadata=self.web((uri, "Manual"))))
        assert message.sources == (Source("Manual", None),)

    def test_later_sources_belong_to_the_last_answer(self, seen):
        later = Event(author="analyst", invocation_id="turn-1", grounding_metadata=self.web(("https://a.example", "A")))
        [message] = seen(answer("So."), later)
        assert message.sources == (Source("A", "https://a.example"),)


class TestWorkflows:
    def out(self, value, path, *output_for):
        info = {"path": path, "output_for": list(output_for)}
        return Event(author="flow", invocation_id="turn-1", output=value, node_info=info)

    def test_the_output_of_a_workflow_is_its_answer_and_node_outputs_are_intermediate(self, seen):
        [message] = seen(
            self.out("HI", "flow@1/up@1", "flow@1/up@1"), self.out("done", "flow@1/end@1", "flow@1/end@1", "flow@1")
        )
        assert message.parts == (Output("HI", "up"), Output("done"))
        assert message.text == "done"

    def test_an_output_that_is_not_text_is_shown_as_json(self, seen):
        [message] = seen(self.out({"sum": 3}, "flow@1", "flow@1"))
        assert message.text == '{\n  "sum": 3\n}'

    @pytest.mark.parametrize(("text", "output"), [("three", "three"), ('{"sum": 3}', {"sum": 3})])
    def test_an_output_already_in_the_answer_is_not_repeated(self, seen, text, output):
        [message] = seen(answer(text, output=output))
        assert message.parts == (Words(text),)

    @pytest.mark.parametrize("nothing", [0, False, []])
    def test_an_output_may_be_empty_or_false(self, seen, nothing):
        [message] = seen(self.out(nothing, "flow@1", "flow@1"))
        assert message.parts == (Output(nothing),)


def test_provider_side_tools_are_steps(seen):
    asked = {"tool_call": types.ToolCall(id="s1", tool_type="GOOGLE_SEARCH_WEB", args={"query": "tides"})}
    found = {"tool_response": types.ToolResponse(id="s1", tool_type="GOOGLE_SEARCH_WEB", response={"hits": 2})}
    [message] = seen(event(asked), event(found), answer("Noon."))
    [step] = message.steps
    assert (step.name, step.args, step.response) == ("google_search_web", {"query": "tides"}, {"hits": 2})
    assert message.text == "Noon."
