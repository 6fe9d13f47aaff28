"""A stand-in for Gemini's HTTP protocol (``:streamGenerateContent?alt=sse``), as strict about tool calls as Gemini."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.model_server import Call, Mind, ModelServer, Say, Seen, analyst, serving, words


@contextmanager
def gemini_server(mind: Mind = analyst) -> Iterator[ModelServer]:
    """Serve at ``url``, which is the base URL for clients. Accepts any model name."""

    def events_for(path: str, body: dict[str, Any]) -> list[Any]:
        assert ":streamGenerateContent?alt=sse" in path, path
        check(body["contents"])
        return _events(mind(_seen(body)))

    with serving(events_for) as server:
        yield server


def check(contents: list[dict[str, Any]]) -> None:
    """Check that content with tool calls follows a user message or a tool answer, and is answered by the next
    content."""
    before: dict[str, Any] = {"role": "", "parts": []}
    for content in contents:
        calls, answers = _of(before, "functionCall"), _of(content, "functionResponse")
        assert [call["name"] for call in calls] == [answer["name"] for answer in answers], (before, content)
        assert not _of(content, "functionCall") or before["role"] == "user", (before, content)
        before = content
    assert not _of(before, "functionCall"), before


def _of(content: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [part[kind] for part in content["parts"] if kind in part]


def _seen(body: dict[str, Any]) -> Seen:
    contents = body["contents"]
    newest = max(
        at for at, content in enumerate(contents) if content["role"] == "user" and "text" in content["parts"][0]
    )
    answers = [answer for content in contents[newest:] for answer in _of(content, "functionResponse")]
    declared = [function for tool in body.get("tools", ()) for function in tool["functionDeclarations"]]
    return Seen(
        contents[newest]["parts"][0]["text"],
        tuple((answer["name"], answer["response"]) for answer in answers),
        tuple(function["name"] for function in declared),
    )


def _events(reply: Call | Say) -> list[dict[str, Any]]:
    if isinstance(reply, Call):
        return [_chunk({"functionCall": {"name": reply.name, "args": reply.args}}, "STOP")]
    said = words(reply.text)
    return [_chunk({"text": word}, "STOP" if at == len(said) - 1 else None) for at, word in enumerate(said)]


def _chunk(part: dict[str, Any], finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [part]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 4, "totalTokenCount": 14}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "stand-in"}
