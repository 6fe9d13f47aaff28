"""A stand-in for a server with OpenAI's chat completions: streaming, including tool calls in pieces.

It is as strict as the real ones: an assertion refuses a tool call that is not answered right after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from tests.support.model_server import Call, Mind, ModelServer, Seen, analyst, serving, words

PATH = "/v1/chat/completions"


@contextmanager
def openai_server(mind: Mind = analyst) -> Iterator[ModelServer]:
    """Serve at ``url``; the base URL for clients is ``url + "/v1"``. Accepts any model name."""
    numbers = count(1)

    def events_for(path: str, body: dict[str, Any]) -> list[Any]:
        assert path == PATH, path
        assert body["stream"]
        check(body["messages"])
        return _events(mind(_seen(body)), f"call_{next(numbers)}")

    with serving(events_for, b"data: [DONE]\n\n") as server:
        yield server


def check(messages: list[dict[str, Any]]) -> None:
    """Check that each call is answered right after it, and that each answer has its call."""
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in waiting, f"an answer without its call: {message}"
            waiting.remove(message["tool_call_id"])
        else:
            assert not waiting, f"calls without an answer: {waiting}"
            waiting = {call["id"] for call in message.get("tool_calls", ())}
    assert not waiting, f"calls without an answer: {waiting}"


def _seen(body: dict[str, Any]) -> Seen:
    messages = body["messages"]
    newest = max(at for at, message in enumerate(messages) if message["role"] == "user")
    names = {call["id"]: call["function"]["name"] for message in messages for call in message.get("tool_calls", ())}
    answers = tuple(
        (names[message["tool_call_id"]], json.loads(message["content"]))
        for message in messages[newest:]
        if message["role"] == "tool"
    )
    tools = tuple(tool["function"]["name"] for tool in body.get("tools") or ())
    return Seen(messages[newest]["content"], answers, tools)


def _events(reply: Any, call_id: str) -> list[dict[str, Any]]:
    if isinstance(reply, Call):
        arguments = json.dumps(reply.args)
        function = {"name": reply.name, "arguments": ""}
        deltas = [{"tool_calls": [{"index": 0, "id": call_id, "type": "function", "function": function}]}]
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": arguments[at : at + 7]}}]}
            for at in range(0, len(arguments), 7)
        ]
        finish = "tool_calls"
    else:
        deltas = [{"role": "assistant", "content": word} for word in words(reply.text)]
        finish = "stop"
    usage = {"prompt_tokens": 10, "completion_tokens": len(deltas), "total_tokens": 10 + len(deltas)}
    return [*map(_chunk, deltas), _chunk({}, finish), {**_chunk({}), "choices": [], "usage": usage}]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in", "choices": [choice]}
