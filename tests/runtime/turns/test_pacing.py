"""Turns share one event loop: neither a flooding model nor an endless answer delays others or Stop."""

import asyncio
from contextlib import closing

import pytest
from google.adk.models import BaseLlm, LlmResponse
from google.adk.models.llm_request import LlmRequest
from google.genai import types

from colloquy.agents.models.pacing import CHUNK, MOST_AHEAD, PacedLlm, answer_characters
from colloquy.runtime.bus import EventKind
from session_store.models import TurnStatus
from session_store.sizes import characters_in
from tests.support.applications import conversation, finish, new_session, open_application, until, until_loaded
from tests.support.model_server import Call, Say
from tests.support.openai_server import openai_server

FLOODING = """
import asyncio
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.genai import types


def said(**part):
    return LlmResponse(content=types.Content(role="model", parts=[types.Part(**part)]), partial=True)


def piece(number):
    arg = types.PartialArg(json_path="$.a", string_value=f"w{number} ", will_continue=True)
    return types.FunctionCall(id="1", partial_args=[arg], will_continue=True)


KINDS = {
    "words": lambda number: said(text=f"w{number} "),
    "thoughts": lambda number: said(text=f"w{number} ", thought=True),
    "nothing": lambda number: LlmResponse(partial=True),
    "arguments": lambda number: said(function_call=piece(number)),
}


class Flood(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        kind = llm_request.contents[-1].parts[0].text
        for number in range(2_000_000):
            if kind == "slowly":
                await asyncio.sleep(0.01)
            yield KINDS.get(kind, KINDS["words"])(number) if number else said(text="first ")


root_agent = LlmAgent(name="flood", model=Flood(model="flood"))
"""


def content(*parts):
    return types.Content(role="model", parts=list(parts))


def text(words, *, thought=None):
    return types.Part(text=words, thought=thought)


def call(**args):
    return types.Part(function_call=types.FunctionCall(name="look_up", args=args))


def piece(call_id, path, words):
    """A piece of an argument that continues."""
    arg = types.PartialArg(json_path=path, string_value=words, will_continue=True)
    return types.Part(function_call=types.FunctionCall(id=call_id, partial_args=[arg], will_continue=True))


class Saying(BaseLlm):
    """Returns responses without ever waiting."""

    async def generate_content_async(self, llm_request, stream=False):
        for response in self._responses:
            self._read.append(response)
            yield response


def saying(*responses):
    model = Saying(model="m")
    object.__setattr__(model, "_responses", responses)
    object.__setattr__(model, "_read", [])
    return model


def partial(*parts, **fields):
    return LlmResponse(content=content(*parts), partial=True, **fields)


async def heard(model):
    return [response async for response in PacedLlm(model).generate_content_async(LlmRequest(), stream=True)]


def words_of(responses):
    return "".join(part.text or "" for one in responses for part in (one.content.parts if one.content else ()))


@pytest.fixture
def limit():
    token = answer_characters.set(10)
    yield
    answer_characters.reset(token)


@pytest.fixture
def unhurried(monkeypatch):
    """Keeps other work on the loop from running before the model, however slow the machine is."""
    monkeypatch.setattr("colloquy.agents.models.pacing.SLICE", 60)


class TestOnePiece:
    async def test_ready_chunks_are_merged_and_others_run_first(self):
        steps = 0

        async def neighbour():
            nonlocal steps
            while True:
                steps += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(neighbour())
        responses = await heard(saying(*[partial(text(f"w{number} ")) for number in range(5000)]))
        beside.cancel()
        assert words_of(responses) == "".join(f"w{number} " for number in range(5000))
        assert len(responses) < 1000
        assert steps > 5

    @pytest.mark.usefixtures("unhurried")
    async def test_thoughts_words_and_calls_stay_apart_and_in_order(self):
        parts = [text("a", thought=True), text("b", thought=True), text("c"), call(x=1), text("d"), text("e")]
        [response] = await heard(saying(*map(partial, parts)))
        assert response.content.parts == [text("ab", thought=True), text("c"), call(x=1), text("de")]

    @pytest.mark.usefixtures("unhurried")
    async def test_metadata_stays_with_its_chunk(self):
        marked = partial(text("b"), custom_metadata={"mark": 1})
        responses = await heard(saying(partial(text("a")), marked, partial(text("c")), partial(text("d"))))
        assert [words_of([one]) for one in responses] == ["a", "b", "cd"]
        assert responses[1].custom_metadata == {"mark": 1}

    async def test_a_model_is_not_read_far_ahead_of_its_listener(self):
        model = saying(*[partial(text("x" * 1000)) for _ in range(1000)])
        responses = PacedLlm(model).generate_content_async(LlmRequest(), stream=True)
        await anext(responses)
        await asyncio.sleep(0)
        assert len(model._read) <= 2 * (MOST_AHEAD // 1000 + 1)  # one piece that was read, and one that waits
        await responses.aclose()

    @pytest.mark.usefixtures("unhurried")
    async def test_empty_chunks_are_merged(self):
        responses = await heard(saying(partial(text("a")), *[LlmResponse(partial=True)] * 1000, partial(text("b"))))
        assert [words_of([one]) for one in responses] == ["ab"]
        [nothing] = await heard(saying(*[LlmResponse(partial=True)] * 1000))
        assert nothing.content is None

    @pytest.mark.usefixtures("unhurried")
    async def test_pieces_of_one_argument_are_merged_and_those_of_different_arguments_are_not(self):
        said = [("1", "$.a", "x"), ("1", "$.a", "y"), ("1", "$.b", "z"), ("2", "$.b", "z")]
        [response] = await heard(saying(*[partial(piece(*one)) for one in said]))
        assert response.content.parts == [piece("1", "$.a", "xy"), piece("1", "$.b", "z"), piece("2", "$.b", "z")]

    async def test_empty_chunks_are_not_read_far_ahead(self):
        model = saying(*[LlmResponse(partial=True)] * 5000)
        responses = PacedLlm(model).generate_content_async(LlmRequest(), stream=True)
        await anext(responses)
        await asyncio.sleep(0)
        assert len(model._read) <= 2 * (MOST_AHEAD // CHUNK + 1)
        await responses.aclose()

    async def test_an_error_comes_after_the_words_before_it(self):
        class Failing(BaseLlm):
            async def generate_content_async(self, llm_request, stream=False):
                yield partial(text("said"))
                raise SystemExit

        responses = PacedLlm(Failing(model="m")).generate_content_async(LlmRequest(), stream=True)
        got = [await anext(responses)]
        with pytest.raises(SystemExit):
            await anext(responses)
        assert words_of(got) == "said"


@pytest.mark.usefixtures("limit")
class TestBound:
    async def test_an_answer_is_cut_at_its_limit_and_keeps_its_text(self):
        model = saying(partial(text("think", thought=True)), *[partial(text("word"))] * 100)
        *pieces, last = await heard(model)
        assert words_of(pieces) == "thinkwordw"
        assert last.content.parts == [text("think", thought=True), text("wordw")]
        assert (last.partial, last.error_code) == (False, "TOO_LONG")
        assert len(model._read) == 3

    async def test_an_endless_answer_without_content_is_cut(self):
        model = saying(*[LlmResponse(partial=True)] * 100)
        *_, last = await heard(model)
        assert last.error_code == "TOO_LONG"
        assert len(model._read) == 11

    @pytest.mark.parametrize(
        "part", [text("x" * 11), text("x" * 11, thought=True), call(query="x" * 11), call(rows=[["x"] * 11])]
    )
    async def test_an_endless_answer_of_any_content_is_cut(self, part):
        [response] = await heard(saying(LlmResponse(content=content(part))))
        assert response.error_code == "TOO_LONG"
        assert not any(part.function_call for part in response.content.parts)
        assert len(words_of([response])) <= 10

    async def test_the_complete_answer_at_the_end_does_not_count_again(self):
        responses = await heard(saying(partial(text("12345678")), LlmResponse(content=content(text("12345678")))))
        assert not any(response.error_code for response in responses)


@pytest.mark.parametrize(
    ("value", "size"), [("abc", 3), ({"a": ["b", 1]}, 5), ([[], {}], 2), (None, 0), (LlmResponse(error_code="abc"), 3)]
)
def test_the_size_of_a_value_approximates_its_json(value, size):
    assert characters_in(value) == size


def test_a_value_is_measured_only_until_it_is_too_large():
    assert 10 < characters_in(["xxxxx"] * 1000, most=1010) < 2000


def test_a_flooding_session_affects_neither_other_sessions_nor_stop(tmp_path, agent_folder):
    agent_folder("flooding_neighbour", FLOODING)
    with closing(open_application(tmp_path / "data", agents_dir=agent_folder.parent)) as application:
        until_loaded(application)
        order = []
        application.bus.subscribe(lambda event: event.kind is EventKind.AGENT_CHUNK and order.append(event.turn_id))

        def submit(kind):  # all of one agent, so the sessions share an event loop
            turn = application.turns.submit(new_session(application, "flooding_neighbour"), kind)
            until(application, lambda: turn.id in order)
            return turn

        def advances(turn):
            before = len(order)
            until(application, lambda: order[before:].count(turn.id) >= 5)

        healthy = submit("slowly")
        for kind in ("words", "thoughts", "nothing", "arguments"):
            flood = submit(kind)
            advances(healthy)
            application.turns.stop(flood.id)
            [flood] = finish(application, flood)
            assert (kind, flood.status) == (kind, TurnStatus.STOPPED)
            assert conversation(application, flood.key)[-1].text.startswith("first ")
        assert application.turns.live(healthy.key)
        application.turns.stop(healthy.id)


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Say("word " * 1000), TurnStatus.COMPLETED), (Call("x", {"a": "b" * 2000}), TurnStatus.FAILED)],
)
def test_an_answer_over_the_limit_ends_with_a_message(tmp_path, monkeypatch, reply, status):
    with openai_server(lambda _: reply) as server:
        monkeypatch.setattr("tests.support.applications.ScriptedModels", lambda: _models(server.url))
        with closing(open_application(tmp_path, answer_characters=1000)) as application:
            key = new_session(application)
            [turn] = finish(application, application.turns.submit(key, "go on"))
            assert turn.status is status
            assert "COLLOQUY_ANSWER_CHARACTERS" in turn.error
            answers = [message.text for message in conversation(application, key)[1:]]
            assert answers == ([reply.text[:1000]] if isinstance(reply, Say) else [])


def _models(url):
    from colloquy.agents.models.provider import ProviderLlm
    from colloquy.agents.models.remote import OpenAiProvider
    from tests.support.scripted import ScriptedModels

    models = ScriptedModels()
    models.llm = lambda _: ProviderLlm(model="m", provider=OpenAiProvider("m", f"{url}/v1", None))
    return models
