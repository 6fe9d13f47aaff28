"""Gemini, with an API key."""

from __future__ import annotations

from typing import Any

import pytest

from colloquy.agents.models import ModelError, ModelUnavailableError
from session_store.transcripts.parts import Source, sources_of
from tests.agents.models.conftest import CatalogueOf
from tests.agents.models.conversation import Conversation, streamed, text_of
from tests.agents.models.http_server import Answer, HttpServer

SECRET = "AIza-very-secret"


def chunk(text: str, *, finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 4, "totalTokenCount": 15}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash-001"}


def refuses(code: int, status: str, message: str) -> Answer:
    return Answer({"error": {"code": code, "status": status, "message": message}}, status=code)


@pytest.fixture
def conversation(catalogue_of: CatalogueOf, server: HttpServer) -> Conversation:
    catalogue = catalogue_of(google_api_key=SECRET, gemini_base_url=server.url)
    return Conversation(catalogue.llm("gemini/gemini-2.5-flash"))


async def test_an_answer_streams_and_ends_with_tokens_and_model_version(conversation: Conversation, server: HttpServer):
    server.will_answer(Answer([chunk("Good "), chunk("morning"), chunk("!", finish="STOP")], stream=True))

    events = await conversation.say("hello")

    assert streamed(events) == "Good morning!"
    last = events[-1]
    assert (text_of(last), last.model_version) == ("Good morning!", "gemini-2.5-flash-001")
    assert (last.usage_metadata.prompt_token_count, last.usage_metadata.candidates_token_count) == (11, 4)
    assert "gemini-2.5-flash:streamGenerateContent" in server.asked[0].path
    assert server.asked[0].headers["x-goog-api-key"] == SECRET
    assert SECRET not in server.asked[0].path


async def test_a_conversation_over_the_window_loses_its_oldest_exchanges_and_continues(
    conversation: Conversation, server: HttpServer
):
    for turn in range(4):
        server.will_answer(Answer([chunk(f"answer {turn}", finish="STOP")], stream=True))
        await conversation.say(f"question {turn} " + "word " * 200)
    too_long = "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."
    server.will_answer(
        refuses(400, "INVALID_ARGUMENT", too_long), Answer([chunk("still here", finish="STOP")], stream=True)
    )

    events = await conversation.say("the newest question")

    assert text_of(events[-1]) == "still here"
    refused, accepted = (asked.body["contents"] for asked in server.asked[-2:])
    assert len(accepted) < len(refused)
    assert accepted == refused[-len(accepted) :]


CITED = [{"uri": "https://example.org/garlic", "title": "Garlic", "startIndex": 3}]


@pytest.mark.upstream
@pytest.mark.parametrize(
    "citations",
    [
        {"citations": [{**CITED[0], "publicationDate": {"year": 2024}, "of": "next year"}]},
        {"citationSources": CITED},
        {"citationSources": CITED, "citations": CITED},
    ],
    ids=" and ".join,
)
async def test_cited_pages_become_sources(conversation: Conversation, server: HttpServer, citations: dict[str, Any]):
    cites = chunk("In ")
    cites["candidates"][0]["citationMetadata"] = citations
    server.will_answer(Answer([cites, chunk("autumn.", finish="STOP")], stream=True))

    events = await conversation.say("When is garlic planted?")

    assert text_of(events[-1]) == "In autumn."
    assert sources_of(events[-1]) == (Source("Garlic", "https://example.org/garlic"),)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuses(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "GOOGLE_API_KEY"),
        (refuses(403, "PERMISSION_DENIED", f"Key {SECRET} was blocked."), "GOOGLE_API_KEY"),
        (refuses(404, "NOT_FOUND", "models/x is not found"), "does not have this model"),
        (refuses(429, "RESOURCE_EXHAUSTED", "Quota exceeded"), "no more requests"),
        (refuses(503, "UNAVAILABLE", "The model is overloaded"), "reported a server error"),
    ],
)
async def test_a_refusal_is_explained_without_the_key(
    conversation: Conversation, server: HttpServer, answer: Answer, words: str
):
    server.will_answer(answer)

    with pytest.raises(ModelError, match=words) as caught:
        await conversation.say("hello")

    assert SECRET not in str(caught.value)


def test_without_a_key_it_is_listed_with_instructions(catalogue_of: CatalogueOf):
    catalogue = catalogue_of()

    info = next(info for info in catalogue.list() if info.id == "gemini/gemini-2.5-pro")

    assert (info.label, info.available) == ("Gemini 2.5 Pro", False)
    with pytest.raises(ModelUnavailableError, match="Set GOOGLE_API_KEY"):
        catalogue.llm(info.id)
