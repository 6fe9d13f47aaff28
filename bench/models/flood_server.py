"""A model server that sends everything at once, in the protocols of OpenAI and of Gemini.

Run it: ``python -m bench.models.flood_server PORT``. The message names one of KINDS, or is ``140 50`` for 140 words,
one every 50 ms.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any

MANY = 20_000
GIANT = "word " * 1_000_000
KINDS = ("words", "one giant line", "arguments in pieces", "one giant call")
ROWS = [{"name": f"row {number}", "value": [number] * 5} for number in range(100_000)]

Event = dict[str, Any]


def openai(kind: str) -> Iterator[Event]:
    def chunk(delta: Event, finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "flood", "choices": [choice]}

    def call(arguments: str, **more: object) -> Event:
        function = {"arguments": arguments, **more}
        return chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})

    if kind == "one giant line":
        yield chunk({"role": "assistant", "content": GIANT})
    elif kind == "words":
        yield from (chunk({"role": "assistant", "content": f"w{number} "}) for number in range(MANY))
    elif kind == "one giant call":
        yield call(json.dumps({"rows": ROWS}), name="nothing")
    else:
        yield call('{"text": "', name="nothing")
        yield from (call(f"w{number} ") for number in range(MANY))
        yield call('"}')
    yield chunk({}, "stop" if "call" not in kind and "arguments" not in kind else "tool_calls")


def gemini(kind: str) -> Iterator[Event]:
    def chunk(part: Event, **more: object) -> Event:
        return {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0, **more}]}

    if kind == "one giant line":
        yield chunk({"text": GIANT})
    elif kind == "words":
        yield from (chunk({"text": f"w{number} "}) for number in range(MANY))
    elif kind == "one giant call":
        yield chunk({"functionCall": {"name": "nothing", "args": {"rows": ROWS}}})
    else:
        yield from (chunk({"functionCall": {"name": "nothing", "args": {"text": "x"}}}) for _ in range(500))
    yield chunk({"text": ""}, finishReason="STOP")


@cache
def body_of(protocol: Callable[[str], Iterator[Event]], kind: str) -> bytes:
    lines = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in protocol(kind))
    return lines + (b"data: [DONE]\n\n" if protocol is openai else b"")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        protocol = gemini if "Generate" in self.path else openai
        has_answer = '"tool_call_id"' in asked or '"functionResponse"' in asked
        kind = next((kind for kind in reversed(KINDS) if kind in asked), KINDS[0])
        answer = body_of(protocol, kind) if not has_answer else body_of(protocol, "words")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with suppress(ConnectionError):  # the client has disconnected
            self._answer(protocol, asked, answer)

    def _answer(self, protocol: Callable[[str], Iterator[Event]], asked: str, answer: bytes) -> None:
        if slow := re.search(r'"(\d+) (\d+)"', asked):
            self._say_slowly(protocol, int(slow[1]), int(slow[2]) / 1000)
        else:
            self.wfile.write(answer)

    def _say_slowly(self, protocol: Callable[[str], Iterator[Event]], words: int, every: float) -> None:
        events = list(islice(protocol("words"), words))
        for event in events:
            time.sleep(every)
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        *_, end = protocol("words")
        self.wfile.write(f"data: {json.dumps(end)}\n\n".encode())

    def log_message(self, *_: object) -> None: ...


def main() -> None:
    for protocol in (openai, gemini):
        for kind in KINDS:
            body_of(protocol, kind)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
