"""Answers that are cut short: their text is kept, and the reason is explained."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from colloquy.runtime.application import Application
from colloquy.runtime.transcripts.lines import event_lines
from colloquy.runtime.turns.runner import BROKEN_OFF
from colloquy.settings import Settings
from session_store.models import SAMPLE_SHOP, TitleSource, TurnStatus
from session_store.transcripts.parts import Thought, Words
from tests.agents.models import test_gemini as gemini
from tests.agents.models import test_openai as openai
from tests.agents.models.http_server import Answer, http_server
from tests.support.applications import conversation, finish, new_session, until

WORDS = ("Garlic ", "is planted ")


@pytest.fixture(scope="module")
def server():
    with http_server() as running:
        yield running


@pytest.fixture(scope="module")
def application(tmp_path_factory, server):
    """An application with the real adapters for Gemini and OpenAI's protocol, and a server that the test controls."""
    folder = tmp_path_factory.mktemp("endings")
    settings = Settings(
        _env_file=None,
        data_dir=folder,
        models_dir=folder,
        google_api_key="key",
        gemini_base_url=server.url,
        openai_base_url=f"{server.url}/v1",
        openai_models="m",
    )
    with capture_logs():
        application = Application.open(settings)
        yield application
        application.close()


def asked(application, model, text="When is garlic planted?", **where):
    """The key and the turn of a new session that has a title, so no model is asked for one."""
    key = new_session(application, **where)
    application.store.sessions.set_model(key, model)
    application.store.sessions.rename(key, "Garlic", TitleSource.PERSON)
    [turn] = finish(application, application.turns.submit(key, text))
    return key, turn


def gemini_answer(finish: str | None, message: str | None = None) -> Answer:
    chunks = [gemini.chunk(word) for word in WORDS]
    if finish:
        last = {"finishReason": finish, "index": 0, **({"finishMessage": message} if message else {})}
        chunks.append({**gemini.chunk(""), "candidates": [last]})
    return Answer(chunks, stream=True)


def gemini_thought(text: str, finish: str) -> Answer:
    part = {"text": text, "thought": True}
    said = {"content": {"role": "model", "parts": [part]}, "index": 0}
    last = {"finishReason": finish, "index": 0}
    return Answer([{**gemini.chunk(""), "candidates": [one]} for one in (said, last)], stream=True)


def openai_answer(finish: str | None) -> Answer:
    chunks = [openai.chunk({"role": "assistant", "content": word}) for word in WORDS]
    return Answer([*chunks, *([openai.chunk({}, finish)] if finish else []), openai.usage(11, 4)], stream=True)


def openai_end(delta: dict[str, object], finish: str) -> Answer:
    return Answer([openai.chunk(delta), openai.chunk({}, finish), openai.usage(11, 4)], stream=True)


GEMINI = "gemini/gemini-2.5-flash"
OPENAI = "openai/m"
WITH_DATA = {"agent_id": "data_analyst", "workspace_id": SAMPLE_SHOP}


@pytest.mark.parametrize(
    ("model", "answer", "status", "reason"),
    [
        (GEMINI, gemini_answer("MAX_TOKENS"), TurnStatus.COMPLETED, "maximum answer length"),
        (GEMINI, gemini_answer("SAFETY"), TurnStatus.FAILED, "safety filter"),
        (GEMINI, gemini_answer("RECITATION", "Too close."), TurnStatus.FAILED, "too similar"),
        (GEMINI, gemini_answer("MALFORMED_FUNCTION_CALL"), TurnStatus.FAILED, "malformed tool call"),
        (GEMINI, gemini_answer("PROHIBITED_CONTENT"), TurnStatus.FAILED, "prohibits its content"),
        (GEMINI, gemini_answer("BLOCKLIST"), TurnStatus.FAILED, "blocks"),
        (GEMINI, gemini_answer("SPII"), TurnStatus.FAILED, "personal data"),
        (GEMINI, gemini_answer("LANGUAGE"), TurnStatus.FAILED, "language"),
        (GEMINI, gemini_answer("IMAGE_SAFETY"), TurnStatus.FAILED, "image"),
        (GEMINI, gemini_answer("OTHER"), TurnStatus.FAILED, "no reason"),
        (GEMINI, gemini_answer("A_REASON_OF_NEXT_YEAR"), TurnStatus.FAILED, "A_REASON_OF_NEXT_YEAR"),
        (GEMINI, gemini_answer(None), TurnStatus.FAILED, "ended before the answer was complete"),
        (OPENAI, openai_answer("length"), TurnStatus.COMPLETED, "maximum answer length"),
        (OPENAI, openai_answer("content_filter"), TurnStatus.FAILED, "safety filter"),
        (OPENAI, openai_answer(None), TurnStatus.FAILED, "ended before the answer was complete"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_ended_by_the_provider_is_kept_with_the_reason(application, server, *, model, answer, status, reason):
    server.will_answer(answer)
    key, turn = asked(application, model)

    assert (turn.status, reason in turn.error) == (status, True)
    assert (turn.input_tokens, turn.output_tokens) == (11, 4)
    assert turn.created_at <= turn.started_at <= turn.first_token_at <= turn.ended_at
    question, said = conversation(application, key)
    assert (said.text, said.partial, question.partial) == ("".join(WORDS), True, False)
    events = application.store.events.list(key)
    assert [stored.event.author for stored in events] == ["user", "assistant"]
    assert application.store.history.row(key).output_tokens == 4


@pytest.mark.parametrize(
    ("delta", "finish", "words", "reason"),
    [
        ({"refusal": "I will not."}, "stop", "I will not.", "refused to answer"),
        ({"content": "Well, ", "refusal": "no."}, "refusal", "Well, no.", "refused to answer"),
        ({"content": "Half"}, "eaten_by_wolves", "Half", "“eaten_by_wolves”"),
        ({"content": "Half"}, "model_length", "Half", "maximum answer length"),
        ({"content": "Let me see."}, "tool_calls", "Let me see.", "no call came"),
        ({"content": "Let me see."}, "function_call", "Let me see.", "no call came"),
        ({}, "tool_calls", None, "no call came"),
    ],
)
def test_openai_finish_reasons_that_adk_takes_for_success_are_reported(
    application, server, *, delta, finish, words, reason
):
    server.will_answer(openai_end(delta, finish))
    key, turn = asked(application, OPENAI)
    assert reason in turn.error
    assert (turn.status is TurnStatus.COMPLETED) is (finish == "model_length")
    said = conversation(application, key)[1:]
    assert [(message.text, message.partial) for message in said] == ([(words, True)] if words else [])


def calls(*arguments: object, index: int | None = 0, **named: object) -> list[dict[str, object]]:
    """A call of run_sql in OpenAI's protocol, with its arguments in pieces."""
    first = {"index": index, "id": "c", "type": "function", "function": {"name": "run_sql", "arguments": ""}, **named}
    pieces = [{"index": index, "function": {"arguments": piece}} for piece in arguments]
    return [openai.chunk({"tool_calls": [piece]}) for piece in (first, *pieces)]


def openai_calls(*chunks: dict[str, object], finish: str | None) -> Answer:
    return Answer([*chunks, *([openai.chunk({}, finish)] if finish else []), openai.usage(11, 4)], stream=True)


def gemini_call(finish: str | None, *words: str) -> Answer:
    call = {"functionCall": {"name": "run_sql", "args": {"sql": "select 1"}}}
    last: dict[str, object] = {"content": {"role": "model", "parts": [call]}, "index": 0}
    last |= {"finishReason": finish} if finish else {}
    return Answer([*map(gemini.chunk, words), {**gemini.chunk(""), "candidates": [last]}], stream=True)


WHOLE = '{"sql": "select 1"}'
HALF = '{"sql": "select 1", "li'


@pytest.mark.parametrize(
    ("model", "answer", "status", "reason", "args"),
    [
        (
            OPENAI,
            openai_calls(*calls('{"sql": ', '"sel'), finish="length"),
            "failed",
            "length",
            {"input": '{"sql": "sel'},
        ),
        (OPENAI, openai_calls(*calls(HALF), finish="length"), "failed", "length", {"input": HALF}),
        (OPENAI, openai_calls(*calls(WHOLE), finish="length"), "failed", "length", {"sql": "select 1"}),
        (
            OPENAI,
            openai_calls(openai.chunk({"content": "Let me see."}), *calls(HALF), finish="length"),
            "completed",
            "length",
            {"input": HALF},
        ),
        (OPENAI, openai_calls(*calls("{not json"), finish="tool_calls"), "failed", "malformed", {"input": "{not json"}),
        (OPENAI, openai_calls(*calls("[1]"), finish="stop"), "failed", "malformed", {"input": "[1]"}),
        (OPENAI, openai_calls(*calls(WHOLE), finish="content_filter"), "failed", "safety filter", {"sql": "select 1"}),
        (OPENAI, openai_calls(*calls(WHOLE), finish="wolves"), "failed", "“wolves”", {"sql": "select 1"}),
        (OPENAI, openai_calls(*calls(WHOLE), finish=None), "failed", "ended before", {"sql": "select 1"}),
        (OPENAI, openai_calls(*calls(HALF), finish=None), "failed", "ended before", {"input": HALF}),
        (GEMINI, gemini_call("MAX_TOKENS", "Let me "), "completed", "length", {"sql": "select 1"}),
        (GEMINI, gemini_call("MAX_TOKENS"), "failed", "length", {"sql": "select 1"}),
        (GEMINI, gemini_call("MALFORMED_FUNCTION_CALL"), "failed", "malformed", {"sql": "select 1"}),
        (GEMINI, gemini_call("SAFETY"), "failed", "safety filter", {"sql": "select 1"}),
        (GEMINI, gemini_call(None), "failed", "ended before", {"sql": "select 1"}),
    ],
)
def test_a_call_in_an_answer_cut_short_is_shown_but_not_run(
    application, server, *, model, answer, status, reason, args
):
    server.asked.clear()
    server.will_answer(answer)
    key, turn = asked(application, model, **WITH_DATA)
    assert (turn.status, reason in turn.error, len(server.asked)) == (status, True, 1)
    said = conversation(application, key)[-1]
    [step] = said.steps
    assert (step.name, step.args, said.partial) == ("run_sql", args, True)
    assert step.error == f"This call was not run. {turn.error}"

    server.will_answer(openai.says("Fine.") if model == OPENAI else gemini_answer("STOP"))
    [again] = finish(application, application.turns.submit(key, "And now?"))
    assert (again.status, again.error) == (TurnStatus.COMPLETED, None)
    assert called_and_answered(server.asked[-1].body) == (["run_sql"], ["run_sql"])


def called_and_answered(body):
    """The calls in a request, and the calls that it answers."""
    if "messages" in body:
        made = {call["id"]: call["function"]["name"] for one in body["messages"] for call in one.get("tool_calls", ())}
        return [*made.values()], [made[one["tool_call_id"]] for one in body["messages"] if one["role"] == "tool"]
    parts = [part for content in body["contents"] for part in content["parts"]]
    return tuple(
        [part[kind]["name"] for part in parts if kind in part] for kind in ("functionCall", "functionResponse")
    )


TWICE = [
    [*calls(WHOLE), *calls(WHOLE, id="d")],
    [*calls(WHOLE, index=None), *calls(WHOLE, index=None, id="d")],
    [*calls({"sql": "select 1"}), *calls(json.dumps(WHOLE), index=1, id="d")],
]


@pytest.mark.parametrize("chunks", TWICE, ids=["one index for all", "no index", "no text"])
def test_calls_in_nonstandard_formats_of_servers_are_run(application, server, chunks):
    server.will_answer(openai_calls(*chunks, finish="tool_calls"), openai.says("Fine."))
    key, turn = asked(application, OPENAI, **WITH_DATA)
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
    assert [step.args for step in conversation(application, key)[-1].steps] == [{"sql": "select 1"}] * 2


@pytest.mark.upstream
def test_the_finish_message_of_gemini_is_reported(application, server):
    server.will_answer(gemini_answer("RECITATION", "Too close."))
    assert asked(application, GEMINI)[1].error.endswith("It said: Too close.")


class Broken(Answer):
    """A chunk that is not JSON."""

    def encoded(self):
        return [*super().encoded(), b"data: {not json\n\n"]


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (GEMINI, Broken([gemini.chunk("Garlic ")], stream=True)),
        (OPENAI, Broken([openai.chunk({"content": "Garlic "})], stream=True)),
        (OPENAI, Answer([openai.chunk({"content": "Garlic "}), {"error": {"message": "Out of memory."}}], stream=True)),
    ],
)
def test_an_unreadable_answer_fails_without_naming_parsers(application, server, model, answer):
    server.will_answer(answer)
    key, turn = asked(application, model)
    assert turn.status is TurnStatus.FAILED
    assert "cannot be read" in turn.error or "It said: Out of memory." in turn.error
    assert "Error" not in turn.error
    assert conversation(application, key)[-1].text == "Garlic "


@pytest.mark.parametrize("model", [GEMINI, OPENAI])
def test_a_connection_lost_before_the_first_word_fails_the_turn(application, server, model):
    server.will_answer(Answer([], stream=True))
    _, turn = asked(application, model)
    assert (turn.status, "ended before" in turn.error) == (TurnStatus.FAILED, True)


def test_a_blocked_question_is_reported_as_blocked(application, server):
    server.will_answer(Answer([{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}], stream=True))
    _, turn = asked(application, GEMINI)
    assert (turn.status, "prohibits" in turn.error) == (TurnStatus.FAILED, True)


def test_an_answer_without_a_word_before_its_limit_fails(application, server):
    last = {"finishReason": "MAX_TOKENS", "index": 0}
    server.will_answer(Answer([{**gemini.chunk(""), "candidates": [last]}], stream=True))
    _, turn = asked(application, GEMINI)
    assert (turn.status, turn.output_tokens) == (TurnStatus.FAILED, 4)


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (GEMINI, gemini_thought("Hm, garlic", "MAX_TOKENS")),
        (OPENAI, openai_end({"content": "<think>Hm, garlic"}, "length")),
        (OPENAI, openai_end({"reasoning_content": "Hm, garlic"}, "length")),
        (OPENAI, openai_end({"reasoning": "Hm, garlic", "content": ""}, "length")),
    ],
    ids=["gemini", "openai", "openai's reasoning_content", "openai's reasoning"],
)
def test_an_answer_cut_during_thinking_fails_and_keeps_its_thought(application, server, model, answer):
    server.will_answer(answer)
    key, turn = asked(application, model)
    assert (turn.status, "maximum answer length" in turn.error) == (TurnStatus.FAILED, True)
    said = conversation(application, key)[-1]
    assert ([part.text for part in said.parts], said.text, said.partial) == (["Hm, garlic"], "", True)


def test_reasoning_from_a_server_is_streamed_and_stored_as_a_thought(application, server):
    chunks = []
    unsubscribe = application.bus.subscribe(
        lambda event: chunks.append((event.is_thought, event.text)) if event.text else None
    )
    usage = openai.usage(11, 9)
    usage["usage"]["completion_tokens_details"] = {"reasoning_tokens": 5}
    deltas = [{"reasoning_content": "Hm, garlic"}, {"content": "In autumn."}]
    server.will_answer(Answer([*map(openai.chunk, deltas), openai.chunk({}, "stop"), usage], stream=True))
    key, turn = asked(application, OPENAI)
    unsubscribe()
    assert (turn.status, turn.error, turn.output_tokens) == (TurnStatus.COMPLETED, None, 9)
    assert chunks == [(True, "Hm, garlic"), (False, "In autumn.")]
    said = conversation(application, key)[-1]
    assert said.parts == (Thought("Hm, garlic"), Words("In autumn."))
    assert said.text == "In autumn."


def test_tokens_are_counted_when_the_connection_breaks(application, server):
    server.will_answer(Answer([gemini.chunk(word) for word in WORDS], stream=True, breaks_off=True))
    key, turn = asked(application, GEMINI)
    assert (turn.status, turn.input_tokens, turn.output_tokens) == (TurnStatus.FAILED, 11, 4)
    row = application.store.history.row(key)
    assert (row.input_tokens, row.output_tokens) == (11, 4)
    assert conversation(application, key)[-1].text == "".join(WORDS)


HEAD = """
import asyncio
from google.adk.agents import BaseAgent, LlmAgent
from google.adk.apps.app import App
from google.adk.events.event import Event
from google.adk.models import BaseLlm, LlmResponse
from google.adk.plugins import BasePlugin
from google.genai import types


def says(text):
    return types.Content(role="model", parts=[types.Part(text=text)])


class Model(BaseLlm):
    async def generate_content_async(self, request, stream=False):
        yield LlmResponse(content=says("Half of "), partial=True)
        yield LlmResponse(content=says("an answer"), partial=True)
        yield LAST


class Plugin(BasePlugin):
    async def on_event_callback(self, *, invocation_context, event):
        PLUGIN


class Agent(BaseAgent):
    async def _run_async_impl(self, context):
        def event(content=None, **fields):
            return Event(author=self.name, invocation_id=context.invocation_id, content=content, **fields)
        AGENT
        yield event()


agent = ROOT
root_agent = agent
app = App(name={name!r}, root_agent=agent, plugins=[Plugin(name="plugin")])
"""


def code(*, last="LlmResponse(content=says('Half of an answer'))", plugin="pass", agent=None):
    root = "Agent(name={name!r})" if agent else 'LlmAgent(name={name!r}, model=Model(model="odd"))'
    made = HEAD.replace("LAST", last).replace("PLUGIN", plugin).replace("ROOT", root)
    return made.replace("AGENT", (agent or "pass").replace("\n", "\n        "))


def ask(opened, made):
    name, start = opened(made)
    application = start()
    key = new_session(application, name)
    [turn] = finish(application, application.turns.submit(key, "Well?"))
    until(application, lambda: application.store.turns.get(turn.id).status.is_over)
    return application, key, application.store.turns.get(turn.id)


TAKES_THE_ID = """
        session = invocation_context.session
        if event.partial and all(kept.id != event.id for kept in session.events):
            note = Event(id=event.id, author="plugin", invocation_id=event.invocation_id)
            await invocation_context.session_service.append_event(session, note)
"""


@pytest.mark.parametrize("last", ["LlmResponse(error_code='SAFETY')", "LlmResponse(content=says('Half of an answer'))"])
@pytest.mark.parametrize("plugin", ["pass", TAKES_THE_ID])
def test_the_ending_is_stored_whatever_the_last_event_is_and_even_if_its_id_is_taken(opened, last, plugin):
    application, key, turn = ask(opened, code(last=last, plugin=plugin))
    is_error = "SAFETY" in last
    assert turn.status is (TurnStatus.FAILED if is_error else TurnStatus.COMPLETED)
    answers = [message for message in conversation(application, key) if message.text and not message.is_user]
    assert [(message.text, message.partial) for message in answers] == [("Half of an answer", is_error)]
    ids = [stored.event.id for stored in application.store.events.list(key)]
    assert len(ids) == len(set(ids))


ENDS_WITH_CODE = """
LlmResponse(content=types.Content(role='model', parts=[
    types.Part(executable_code=types.ExecutableCode(code='print(6*7)', language='PYTHON')),
    types.Part(code_execution_result=types.CodeExecutionResult(outcome='OUTCOME_OK', output='42'))]))
"""


def test_a_model_that_only_repeats_its_code_output_ends_its_turn(opened):
    application, key, turn = ask(opened, code(last=ENDS_WITH_CODE.strip()))
    assert (turn.status, turn.error) == (
        TurnStatus.FAILED,
        "The model gave the same answer 3 times in a row, so the turn was ended.",
    )
    answers = [stored.event for stored in application.store.events.list(key) if stored.event.author != "user"]
    assert 3 <= len(answers) <= 4


@pytest.mark.parametrize(("finish", "status"), [(None, TurnStatus.FAILED), ("STOP", TurnStatus.COMPLETED)])
def test_an_agent_with_its_own_gemini_notices_a_lost_connection(opened, server, finish, status):
    server.will_answer(gemini_answer(finish))
    options = "client_kwargs=dict(api_key='key', enterprise=False)"
    model = f"Gemini(model='gemini-2.5-flash', base_url={server.url!r}, {options})"
    made = code().replace('Model(model="odd")', model)
    application, key, turn = ask(opened, f"from google.adk.models import Gemini\n{made}")
    assert (turn.status, turn.error) == (status, None if finish else BROKEN_OFF)
    said = conversation(application, key)[-1]
    assert (said.text, said.partial) == ("".join(WORDS), finish is None)


def test_an_error_that_does_not_end_the_answer_is_reported_unchanged(opened):
    _, _, turn = ask(opened, code(last="LlmResponse(error_code='QUOTA', error_message='Come back tomorrow.')"))
    assert (turn.status, turn.error) == (TurnStatus.FAILED, "Come back tomorrow.")


@pytest.mark.parametrize(
    "agent",
    [
        "yield event(says('One.'), id='same')\nyield event(says('Two.'), id='same')",
        "yield event(error_code='MALFORMED_FUNCTION_CALL')\nyield event(says('One.'))\nyield event(says('Two.'))",
    ],
    ids=["one id twice", "another attempt"],
)
def test_an_agent_that_continues_completes_its_turn(opened, agent):
    application, key, turn = ask(opened, code(agent=agent))
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
    assert [message.text for message in conversation(application, key)] == ["Well?", "One.", "Two."]


@pytest.mark.parametrize(
    "agent",
    ["pass", "yield event(types.Content(role='model', parts=[]))", "yield event(says(''))"],
    ids=["nothing", "no parts", "no letters"],
)
def test_a_turn_without_an_answer_says_so(opened, agent):
    _, _, turn = ask(opened, code(agent=agent))
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, "The agent ended without an answer.")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("ValueError('No more eggs.')", "The agent failed: No more eggs."),
        ("KeyError('eggs')", "The agent failed: it looked up 'eggs', which does not exist."),
        ("RuntimeError()", "See the log"),
        ("__import__('json').JSONDecodeError('Expecting value', 'x', 0)", "cannot be read"),
        ("__import__('pydantic_core').PydanticSerializationError('Unable to serialize')", "See the log"),
        (
            "__import__('google.adk.agents.invocation_context', fromlist=['x']).LlmCallsLimitExceededError('limit')",
            "limit of model calls for one turn",
        ),
    ],
)
def test_an_agent_error_is_reported_without_its_class_name(opened, error, told):
    _, _, turn = ask(opened, code(agent=f"raise {error}"))
    assert turn.status is TurnStatus.FAILED
    assert told in turn.error
    assert "Error" not in turn.error


@pytest.mark.parametrize(
    "error",
    ["asyncio.CancelledError()", "GeneratorExit()", "BaseException('odd')", "SystemExit(1)", "ValueError('\\ud83d')"],
)
def test_any_exception_of_an_agent_ends_its_turn_and_the_session_continues(opened, error):
    agent = f"yield event(says('Half'), partial=True)\nif 'Well' in str(context.user_content): raise {error}"
    application, key, turn = ask(opened, code(agent=agent))
    assert turn.status is TurnStatus.FAILED
    assert conversation(application, key)[-1].text == "Half"
    [again] = finish(application, application.turns.submit(key, "And now?"))
    assert again.status is TurnStatus.COMPLETED


def test_a_turn_ends_even_if_its_events_cannot_be_stored(opened, monkeypatch):
    name, start = opened(code(last="LlmResponse(error_code='SAFETY')"))
    application = start()
    key = new_session(application, name)
    append = application.sessions.append_event

    async def refuses_answers(session, event):
        if event.author != "user" and not event.partial:
            raise ValueError("no room for answers")
        return await append(session, event)

    monkeypatch.setattr(application.sessions, "append_event", refuses_answers)
    [turn] = finish(application, application.turns.submit(key, "Well?"))
    assert turn.status is TurnStatus.FAILED
    assert turn.ended_at


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("np.float32(1.5)", 1.5),
        ("np.array([[1, 2], [3, 4]])", [[1, 2], [3, 4]]),
        ("[np.bool_(True)]", [True]),
        ("[np.nan, np.float32('inf'), {'of': -np.inf}]", ["NaN", "Infinity", {"of": "-Infinity"}]),
    ],
)
def test_numbers_unknown_to_json_in_a_tool_answer_are_kept(opened, value, kept):
    call = "types.Part(function_call=types.FunctionCall(id='c', name='mean', args={}))"
    answer = f"types.Part(function_response=types.FunctionResponse(id='c', name='mean', response={{'mean': {value}}}))"
    said = "\n".join(f"yield event(types.Content(role='model', parts=[{part}]))" for part in (call, answer))
    application, key, turn = ask(opened, code(agent=f"import numpy as np\n{said}"))
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
    assert conversation(application, key)[-1].steps[0].response == {"mean": kept}
    [_, answered] = [stored.event for stored in application.store.events.list(key) if stored.event.author != "user"][:2]
    assert json.loads(next(event_lines(key, answered))["response"]) == {"mean": kept}


TWO_CALLS = """
LlmResponse(content=types.Content(role='model', parts=[
    types.Part(function_call=types.FunctionCall(id='c', name='price', args={'of': of})) for of in ('eggs', 'milk')]))
"""
HELP = """
def price(of: str) -> dict:
    return {'of': of}


def answers_in(request):
    return [part for part in request.contents[-1].parts if part.function_response]


"""


def test_calls_that_share_an_id_are_each_answered_by_their_tool(opened):
    made = code(last=f"{TWO_CALLS.strip()} if not answers_in(request) else LlmResponse(content=says('Done.'))")
    made = made.replace('Model(model="odd")', 'Model(model="odd"), tools=[price]').replace(
        "agent =", f"{HELP}agent =", 1
    )
    application, key, turn = ask(opened, made)
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
    finish(application, application.turns.submit(key, "And now?"))  # the model gives the same id again
    for answer in (said for said in conversation(application, key) if not said.is_user):
        assert [step.response for step in answer.steps] == [{"of": "eggs"}, {"of": "milk"}]
    called = [call.id for stored in application.store.events.list(key) for call in stored.event.get_function_calls()]
    assert len(called) == len(set(called)) == 4


def test_an_answer_without_a_call_is_reported(opened):
    answer = "types.Part(function_response=types.FunctionResponse(id='c', name='price', response={'of': 'eggs'}))"
    application, key, turn = ask(opened, code(agent=f"yield event(types.Content(role='user', parts=[{answer}]))"))
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
    assert conversation(application, key)[-1].text == 'price: {"of": "eggs"}'


def test_a_model_that_starts_inside_a_thought_is_recognized_after_its_first_answer(opened):
    agent = """
if 'Well' in str(context.user_content):
    yield event(says('hm\\n</think>\\nFour.'))
else:
    yield event(says('Let me see'), partial=True)
    raise ValueError('No more eggs.')
"""
    application, key, _ = ask(opened, code(agent=agent.strip()))
    assert conversation(application, key)[-1].text == "Four."
    finish(application, application.turns.submit(key, "And now?"))
    [thought] = conversation(application, key)[-1].parts
    assert thought == Thought("Let me see", ended=False)


def test_a_character_split_across_two_chunks_is_put_together(opened):
    said = []
    name, start = opened(
        code(
            agent="for text in ('smile \\ud83d', '\\ude00 and \\ud83d', ' half'):\n"
            "    yield event(says(text), partial=True, id='e')\n"
            "yield event(says('smile \\ud83d\\ude00 and \\ud83d half'), id='e')"
        )
    )
    application = start()
    application.bus.subscribe(lambda event: said.append(event.text) if event.text else None)
    key = new_session(application, name)
    [turn] = finish(application, application.turns.submit(key, "Well \ud83d?"))
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
    assert "".join(said) == "smile 😀 and \ufffd half"
    assert [message.text for message in conversation(application, key)] == ["Well \ufffd?", "smile 😀 and \ufffd half"]
