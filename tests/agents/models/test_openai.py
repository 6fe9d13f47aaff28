"""OpenAI-compatible servers, configured by base URL."""

from __future__ import annotations

import json
import socket
from itertools import groupby
from typing import Any

import pytest
from google.adk.events.event import Event
from google.adk.models.llm_request import LlmRequest
from google.genai import types

from colloquy.agents.models import ModelError
from colloquy.agents.models.pacing import answer_characters
from session_store.sessions.event_rows import tokens_of
from session_store.transcripts.parts import Source, sources_of, spans_of
from tests.agents.models.conftest import CatalogueOf
from tests.agents.models.conversation import Conversation, streamed, text_of
from tests.agents.models.http_server import Answer, HttpServer

SECRET = "sk-very-secret-42"


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def usage(prompt: int, answer: int) -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return {**chunk({}), "choices": [], "usage": counts}


def says(*words: str) -> Answer:
    chunks = [chunk({"role": "assistant", "content": word}) for word in words]
    return Answer([*chunks, chunk({}, "stop"), usage(7, len(words))], stream=True)


def refuses(status: int, message: str) -> Answer:
    return Answer({"error": {"message": message, "code": status}}, status=status)


def too_long() -> Answer:
    return refuses(400, "This model's maximum context length is 4096 tokens. However, you asked for 5000.")


@pytest.fixture
def conversation(catalogue_of: CatalogueOf, server: HttpServer) -> Conversation:
    catalogue = catalogue_of(openai_base_url=f"{server.url}/v1", openai_models="m", openai_api_key=SECRET)
    return Conversation(catalogue.llm("openai/m"))


async def test_an_answer_streams_word_by_word_and_ends_with_its_tokens(conversation: Conversation, server: HttpServer):
    server.will_answer(says("Good ", "morning", "!"))

    events = await conversation.say("hello")

    assert streamed(events) == "Good morning!"
    assert any(event.partial for event in events)  # chunks that arrive together may be joined
    last = events[-1]
    assert (text_of(last), last.model_version) == ("Good morning!", "m")
    assert (last.usage_metadata.prompt_token_count, last.usage_metadata.candidates_token_count) == (7, 3)
    assert server.asked[0].path == "/v1/chat/completions"
    assert "max_tokens" not in server.asked[0].body
    assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"


THINKS = [
    [{"reasoning_content": "Hm, "}, {"reasoning_content": "garlic"}, {"content": "In "}, {"content": "autumn."}],
    [{"reasoning": "Hm, garlic", "content": ""}, {"reasoning": None, "content": "In autumn."}],
    [{"reasoning": "Hm, garlic", "reasoning_content": "Hm, garlic"}, {"content": "In autumn."}],
    [{"reasoning_details": [{"type": "reasoning.text", "text": "Hm, garlic"}]}, {"content": "In autumn."}],
    [{"reasoning": "Hm, garlic", "reasoning_details": [{"text": "Hm, garlic"}]}, {"content": "In autumn."}],
    [{"reasoning_details": [{"summary": "Hm, garlic"}, {"data": "c2VjcmV0"}]}, {"content": "In autumn."}],
    [{"reasoning_content": "Hm, garlic", "content": "In autumn."}],
    [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm, garlic"}]}]},
        {"content": "In autumn."},
    ],
    [{"content": [{"type": "thinking", "thinking": "Hm, garlic"}, {"type": "text", "text": "In autumn."}]}],
]


@pytest.mark.parametrize("deltas", THINKS)
async def test_thoughts_stream_separately_and_are_not_sent_back(
    conversation: Conversation, server: HttpServer, deltas: list[dict[str, Any]]
):
    server.will_answer(Answer([*map(chunk, deltas), chunk({}, "stop"), usage(7, 9)], stream=True), says("Yes."))

    events = await conversation.say("When is garlic planted?")
    await conversation.say("Really?")

    thought_and_words = [(True, "Hm, garlic"), (False, "In autumn.")]
    pieces = [part for event in events if event.partial for part in event.content.parts]
    joined = [
        (kind, "".join(part.text for part in run)) for kind, run in groupby(pieces, lambda part: bool(part.thought))
    ]
    assert joined == thought_and_words
    assert spans_of(events[-1].content) == thought_and_words
    assert "Hm" not in json.dumps(server.asked[1].body)
    assert server.asked[1].body["messages"][-2] == {"role": "assistant", "content": "In autumn."}


async def test_thoughts_arrive_while_the_model_is_thinking(conversation: Conversation, server: HttpServer):
    server.will_answer(Answer([chunk({"reasoning_content": "Hm, garlic"})], stream=True, breaks_off=True))
    events = conversation.events("When is garlic planted?")

    assert spans_of((await anext(events)).content) == [(True, "Hm, garlic")]
    with pytest.raises(ModelError, match="broke"):
        [event async for event in events]


async def test_a_model_may_think_more_than_once_and_call_a_tool_after_it(
    conversation: Conversation, server: HttpServer
):
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    deltas = [{"reasoning": "Hm."}, {"content": "Well."}, {"reasoning": "So."}, {"tool_calls": [call]}]
    server.will_answer(Answer([*map(chunk, deltas), chunk({}, "tool_calls")], stream=True), says("Done."))

    def look() -> str:
        """Looks."""
        return "seen"

    events = await Conversation(conversation.runner.agent.model, tools=[look]).say("look")

    [called] = [event for event in events if event.get_function_calls() and not event.partial]
    assert spans_of(called.content) == [(True, "Hm."), (False, "Well."), (True, "So.")]
    said = server.asked[1].body["messages"][-2]
    assert (said["content"], len(said["tool_calls"])) == ("Well.", 1)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_a_nonstreamed_answer_has_its_thoughts_separated(
    conversation: Conversation, server: HttpServer, field: str
):
    message = {"role": "assistant", field: "Hm, garlic", "content": "In autumn."}
    server.will_answer(
        Answer({**chunk({}), "object": "chat.completion", "choices": [{"index": 0, "message": message}]})
    )
    asked = LlmRequest(contents=[types.Content(role="user", parts=[types.Part(text="When?")])])

    [answer] = [one async for one in conversation.runner.agent.model.generate_content_async(asked)]

    assert spans_of(answer.content) == [(True, "Hm, garlic"), (False, "In autumn.")]


PAGES = ["https://example.org/garlic", "https://example.org/soil"]
CITED = [{"url": PAGES[0], "title": "Garlic"}, {"url": PAGES[1]}]
ANNOTATED = {"annotations": [{"type": "url_citation", "url_citation": {**page, "start_index": 0}} for page in CITED]}
ODD = [None, 3, {}, {"url": 3}, {"url_citation": None}, ["https://example.org"], ""]


@pytest.mark.parametrize(
    ("delta", "beside"),
    [
        (ANNOTATED, {}),
        ({"annotations": [{"type": "url_citation", **page} for page in CITED]}, {}),
        ({}, {"citations": PAGES, "search_results": CITED}),
        ({}, {"citations": CITED}),
        ({"annotations": [*ODD, *CITED]}, {"citations": [*ODD, *PAGES], "search_results": "none"}),
    ],
    ids=["annotations of OpenAI", "flat annotations", "addresses and results of a search", "objects", "odd ones among"],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_cited_pages_become_sources(
    conversation: Conversation, server: HttpServer, delta: dict[str, Any], beside: dict[str, Any], *, stream: bool
):
    said = {"role": "assistant", "content": "In autumn.", **delta}
    whole = {"object": "chat.completion", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    pieces = [{**chunk(said), **beside}, {**chunk({}, "stop"), **beside}]
    server.will_answer(Answer(pieces, stream=True) if stream else Answer({**chunk({}), **whole, **beside}))
    asked = LlmRequest(contents=[types.Content(role="user", parts=[types.Part(text="When?")])])

    model = conversation.runner.agent.model
    *_, answer = [one async for one in model.generate_content_async(asked, stream=stream)]

    event = Event(author="assistant", **answer.model_dump(exclude_none=True))
    assert sources_of(event) == (Source("Garlic", PAGES[0]), Source(PAGES[1], PAGES[1]))


async def test_a_tool_call_in_pieces_is_run_and_its_result_sent_back(catalogue_of: CatalogueOf, server: HttpServer):
    asked_for: list[str] = []

    def weather(city: str) -> str:
        """The weather in a city."""
        asked_for.append(city)
        return "sunny"

    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"ci', 'ty": "Ri', 'ga"}')]
    deltas = [chunk({"tool_calls": [piece]}) for piece in (first, *pieces)]
    server.will_answer(Answer([*deltas, chunk({}, "tool_calls"), usage(20, 9)], stream=True), says("It is ", "sunny."))
    catalogue = catalogue_of(openai_base_url=f"{server.url}/v1", openai_models="m")

    events = await Conversation(catalogue.llm("openai/m"), tools=[weather]).say("weather in Riga?")

    assert asked_for == ["Riga"]
    assert text_of(events[-1]) == "It is sunny."
    call, result = server.asked[1].body["messages"][-2:]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "call_1"
    assert "sunny" in result["content"]


async def test_a_conversation_over_the_window_loses_its_oldest_exchanges_and_continues(
    conversation: Conversation, server: HttpServer
):
    for turn in range(6):
        server.will_answer(says(f"answer {turn}"))
        await conversation.say(f"question {turn} " + "word " * 200)
    server.will_answer(too_long(), says("still here"))

    events = await conversation.say("the newest question")

    assert text_of(events[-1]) == "still here"
    refused, accepted = (asked.body["messages"] for asked in server.asked[-2:])
    assert accepted[0] == refused[0], "the instruction stays"
    assert accepted[-1]["content"] == "the newest question"
    assert accepted[1:] == refused[-len(accepted) + 1 :], "the newest messages stay as they are"
    assert len(accepted) < len(refused)
    assert accepted[1]["role"] == "user"


async def test_a_message_over_the_window_is_cut_in_the_middle(conversation: Conversation, server: HttpServer):
    server.will_answer(too_long(), too_long(), says("read it"))

    events = await conversation.say("BEGIN " + "word " * 4000 + "END")

    assert text_of(events[-1]) == "read it"
    message = server.asked[-1].body["messages"][-1]["content"]
    assert message.startswith("BEGIN")
    assert message.endswith("END")
    assert message.count("left out") == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuses(401, f"Incorrect API key provided: {SECRET}"), ["refused the key", "COLLOQUY_OPENAI_API_KEY"]),
        (refuses(404, "model m not found"), ["does not have this model", "model m not found"]),
        (refuses(400, "tools are not supported"), ["did not accept", "tools are not supported"]),
        (
            Answer({"detail": "no such model, pull it"}, status=404),
            ["not have this model", "It said: no such model, pull"],
        ),
        (Answer({"detail": [{"loc": ["body"], "msg": "too hot"}]}, status=422), ["did not accept", "It said: too hot"]),
        (Answer({"error": "no such model"}, status=404), ["not have this model", "It said: no such model"]),
        (Answer({"error": {"message": "busy"}}), ["ended the answer", "It said: busy"]),
        (Answer({"error": "busy"}), ["ended the answer", "It said: busy"]),
        (Answer([chunk({"content": "Hi"}), {"error": "no memory"}], stream=True), ["It said: no memory"]),
        (Answer([chunk({"content": "Hi"}), {"message": "backend died"}], stream=True), ["It said: backend died"]),
        (
            Answer([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}], stream=True),
            ["It said: Overloaded"],
        ),
    ],
)
async def test_a_refusal_is_explained_without_the_key(
    conversation: Conversation, server: HttpServer, answer: Answer, words: list[str]
):
    server.will_answer(answer)

    with pytest.raises(ModelError) as caught:
        await conversation.say("hello")

    assert all(word in str(caught.value) for word in words)
    assert SECRET not in str(caught.value)


class Page(Answer):
    def encoded(self) -> list[bytes]:
        return [b"<html><h1>Oops</h1></html>"]


async def test_an_html_error_page_is_reported_as_plain_text(conversation: Conversation, server: HttpServer):
    server.will_answer(*[Page(None, status=500)] * 2)
    with pytest.raises(ModelError) as caught:
        await conversation.say("hello")
    assert str(caught.value).endswith("reported a server error (status 500). Try again later.")


@pytest.mark.parametrize(("status", "words"), [(429, "no more requests"), (503, "reported a server error")])
async def test_transient_errors_are_retried_once_before_they_are_reported(
    conversation: Conversation, server: HttpServer, status: int, words: str
):
    server.will_answer(refuses(status, "busy"), refuses(status, "busy"))

    with pytest.raises(ModelError, match=words):
        await conversation.say("hello")


async def test_an_unreachable_server_is_named(catalogue_of: CatalogueOf):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        catalogue = catalogue_of(openai_base_url=url, openai_models="m")
        with pytest.raises(ModelError, match="cannot be reached") as caught:
            await Conversation(catalogue.llm("openai/m")).say("hello")
    assert url in str(caught.value)


async def test_an_interrupted_answer_is_an_error_after_its_text(conversation: Conversation, server: HttpServer):
    server.will_answer(Answer([chunk({"content": "Half an "})], stream=True, breaks_off=True))
    events = conversation.events("hello")

    assert text_of(await anext(events)) == "Half an "
    with pytest.raises(ModelError, match="broke"):
        [event async for event in events]


async def test_titles_use_a_plain_instruction(catalogue_of: CatalogueOf, server: HttpServer):
    catalogue = catalogue_of(openai_base_url=f"{server.url}/v1", openai_models="m")
    message = {"role": "assistant", "reasoning": "A title.", "content": '"Fixing the Kitchen Sink"'}
    body = {**chunk({}), "object": "chat.completion", "choices": [{"index": 0, "message": message}]}
    server.will_answer(Answer(body), refuses(400, "no"))

    assert await catalogue.title("openai/m", "my sink drips, what can I do?") == "Fixing the Kitchen Sink"
    assert await catalogue.title("openai/m", "my sink drips, what can I do?") is None


async def test_an_unreadable_title_response_is_ignored(catalogue_of: CatalogueOf, server: HttpServer):
    models = catalogue_of(openai_base_url=f"{server.url}/v1", openai_models="m")
    for body in ("no chat", [], {"choices": [{}]}, {"choices": "many"}):
        server.will_answer(Answer(body))
        assert await models.title("openai/m", "When is garlic planted?") is None


def test_the_list_of_the_server_is_offered_if_the_settings_name_no_models(
    catalogue_of: CatalogueOf, server: HttpServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "colloquy.agents.models.listing._FIRST_WAIT", 60
    )  # the first answer arrives at once, a slow one later
    server.will_answer(Answer({"data": [{"id": "llama3"}, {"id": "qwen/coder"}]}))

    ids = [info.id for info in catalogue_of(openai_base_url=f"{server.url}/v1").list() if info.available]

    assert ids == ["openai/llama3", "openai/qwen/coder"]
    assert server.asked[0].path == "/v1/models"


def test_a_server_without_a_list_is_shown_with_instructions(catalogue_of: CatalogueOf, server: HttpServer):
    server.will_answer(refuses(500, "no"))

    info = catalogue_of(openai_base_url=f"{server.url}/v1").list()[-1]

    assert not info.available
    assert "COLLOQUY_OPENAI_MODELS" in info.note


def test_the_default_model_can_be_used_before_its_server_sends_a_list(catalogue_of: CatalogueOf, server: HttpServer):
    server.will_answer(refuses(500, "no"))
    catalogue = catalogue_of(openai_base_url=f"{server.url}/v1", model="openai/llama3")

    assert catalogue.default().id == "openai/llama3"
    assert catalogue.llm("openai/llama3").model == "llama3"


@pytest.mark.parametrize(
    "complaint",
    [
        "Conversation roles must alternate user/assistant/user/assistant/...",
        'messages: first message must use the "user" role',
        "Invalid first message. Should always start with 'role'='user'",
    ],
)
async def test_a_model_that_requires_the_user_to_speak_first_gets_that_from_then_on(
    catalogue_of: CatalogueOf, server: HttpServer, complaint: str
):
    llm = catalogue_of(openai_base_url=f"{server.url}/v1", openai_models="m").llm("openai/m")
    server.will_answer(refuses(400, complaint), says("Yes."), says("Yes."))
    said = [("model", "older answer"), ("user", "newest question")]
    contents = [types.Content(role=role, parts=[types.Part(text=text)]) for role, text in said]

    for _ in range(2):
        answers = [answer async for answer in llm.generate_content_async(LlmRequest(contents=contents), stream=True)]
        assert answers[-1].content.parts[0].text == "Yes."

    roles = [[message["role"] for message in asked.body["messages"]] for asked in server.asked]
    assert roles == [["assistant", "user"], ["user"], ["user"]]


async def test_a_request_has_no_null_fields(conversation: Conversation, server: HttpServer):
    call = types.Part(function_call=types.FunctionCall(id="c-1", name="look", args={"of": "a", "at": None}))
    answer = types.Part(function_response=types.FunctionResponse(id="c-1", name="look", response={"found": None}))
    tool = types.FunctionDeclaration(
        name="look", description="Looks.", parameters=types.Schema(type=types.Type.OBJECT, nullable=True)
    )
    server.will_answer(says("done"))

    async for _ in conversation.runner.agent.model.generate_content_async(
        LlmRequest(
            model="m",
            contents=[
                types.Content(role="user", parts=[types.Part(text="look")]),
                types.Content(role="model", parts=[call]),
                types.Content(role="user", parts=[answer]),
            ],
            config=types.GenerateContentConfig(tools=[types.Tool(function_declarations=[tool])]),
        ),
        stream=True,
    ):
        pass

    [asked] = server.asked
    assert paths_of_nulls(asked.body) == []


def paths_of_nulls(value: object, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for name, inner in value.items() for found in paths_of_nulls(inner, f"{path}.{name}")]
    if isinstance(value, list):
        return [found for inner in value for found in paths_of_nulls(inner, path)]
    return [path] if value is None else []


def sends(first: bytes, more: bytes, status: int = 200, *, stream: bool = False) -> Answer:
    """Endless repetitions, which stop only for a client that would read all of it."""
    return Answer(None, status, stream, raw=[first, *[more * 1_000] * 400])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (sends(b'data: {"choices":[{"delta":{"content":"', b"x", stream=True), "a piece of an answer"),
        (sends(b"data: {", b"\n:", stream=True), "1,000 lines"),
        (sends(b": still there\n\n", b": still there\n\n", stream=True), "for one answer"),
        (sends(b'{"choices": "', b"x"), "at once"),
        (sends(b'{"error": {"message": "', b"x", 500), "server error.*xxx"),
        (sends(b"no such thing", b"x", 400), "no such thing"),
    ],
)
async def test_an_endless_response_is_not_read_to_its_end(
    conversation: Conversation, server: HttpServer, monkeypatch: pytest.MonkeyPatch, answer: Answer, problem: str
):
    monkeypatch.setattr("colloquy.agents.models.replies.LEAST", 100_000)
    server.will_answer(answer, answer)
    limit = answer_characters.set(100)
    try:
        with pytest.raises(ModelError, match=problem):
            await conversation.say("hello")
    finally:
        answer_characters.reset(limit)


async def test_an_endless_answer_without_content_ends(
    conversation: Conversation, server: HttpServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("colloquy.agents.models.plain_openai.MOST_EMPTY", 20)
    limit = answer_characters.set(100)
    server.will_answer(Answer([*[chunk({})] * 30, chunk({"content": "late"}), chunk({}, "stop")], stream=True))
    try:
        events = await conversation.say("hello")
    finally:
        answer_characters.reset(limit)
    assert (events[-1].error_code, streamed(events)) == ("TOO_LONG", "")


@pytest.mark.parametrize(
    ("reported", "read", "written"),
    [
        ({"prompt_tokens": 10**30, "completion_tokens": -5, "total_tokens": "x"}, None, None),
        ({"prompt_tokens": 7, "completion_tokens": "3", "total_tokens": None}, 7, None),
        ({"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": -1}}, 7, 3),
        ({"prompt_tokens": 7, "completion_tokens": True, "completion_tokens_details": "many"}, 7, None),
        ({}, None, None),
        ("many", None, None),
    ],
)
async def test_impossible_token_counts_are_ignored(
    conversation: Conversation, server: HttpServer, reported: object, read: int | None, written: int | None
):
    last = {**chunk({}), "choices": [], "usage": reported}
    server.will_answer(Answer([chunk({"content": "Good."}), chunk({}, "stop"), last], stream=True))

    events = await conversation.say("hello")

    assert (text_of(events[-1]), events[-1].error_code) == ("Good.", None)
    used = tokens_of(events[-1].usage_metadata)
    assert (used.input, used.output) == (read, written)


@pytest.mark.parametrize("odd", [None, 5, [], "text", {"choices": None}, {"choices": [None]}, {"choices": "x"}])
async def test_lines_without_content_are_skipped(conversation: Conversation, server: HttpServer, odd: object):
    server.will_answer(Answer([odd, chunk({"content": "Good."}), odd, chunk({}, "stop")], stream=True))

    assert text_of((await conversation.say("hello"))[-1]) == "Good."


def test_an_endless_list_of_models_is_ignored(
    catalogue_of: CatalogueOf, server: HttpServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("colloquy.agents.models.listing._FIRST_WAIT", 60)
    monkeypatch.setattr("colloquy.agents.models.listing.MOST_BYTES", 100_000)
    server.will_answer(sends(b'{"data": [{"id": "llama3"}]}', b" "))

    assert "openai/llama3" not in [model.id for model in catalogue_of(openai_base_url=f"{server.url}/v1").list()]
