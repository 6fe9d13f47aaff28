"""A model behind OpenAI's protocol that says a word every 50 ms: ``uvicorn bench.models.word_server:app``.

It runs in a process of its own, so that the app's load does not change when words are said.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

MODEL = "words"
WORDS = 200
EVERY = 0.05
ANSWER = "".join(f"w{number} " for number in range(WORDS))


async def answer(request: Request) -> Response:
    """Says as many words as configured, whatever was asked."""
    await request.json()
    return StreamingResponse(_said(), media_type="text/event-stream")


async def _said() -> AsyncIterator[bytes]:
    begin = time.monotonic()
    for number, word in enumerate(ANSWER.split()):
        yield _chunk({"role": "assistant", "content": f"{word} "})
        await asyncio.sleep(max(0.0, begin + (number + 1) * EVERY - time.monotonic()))
    yield _chunk({}, "stop")
    yield b"data: [DONE]\n\n"


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
    return f"data: {json.dumps(event)}\n\n".encode()


app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
