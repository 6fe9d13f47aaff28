"""Shared by the stand-ins for model servers: HTTP on loopback, and the mind behind the protocol.

A mind is a function of the conversation that the server receives. It says something or calls a tool, so a stand-in
holds any number of conversations and needs no scripted answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """The user's latest message, and the tool answers since then: (name, response)."""

    question: str
    answers: tuple[tuple[str, dict[str, Any]], ...]
    tools: tuple[str, ...]


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Call:
    name: str
    args: dict[str, Any]


Mind = Callable[[Seen], Say | Call]


@dataclass
class ModelServer:
    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of all requests, in order."""


def analyst(seen: Seen) -> Say | Call:
    """List the tables, count the orders, and say the result."""
    steps = len(seen.answers)
    if not seen.tools:
        return Say("I have no tools.")
    if steps == 0:
        return Call("list_tables", {})
    if steps == 1:
        return Call("run_sql", {"sql": "select count(*) as orders from orders", "title": "Orders"})
    response = seen.answers[-1][1]
    return Say(
        f"It failed: {response['error']}" if "error" in response else f"There are {response['rows'][0][0]} orders."
    )


@contextmanager
def serving(events_for: Callable[[str, dict[str, Any]], list[Any]], last: bytes = b"") -> Iterator[ModelServer]:
    """Answer each POST with a stream of server-sent events, sending each as soon as it is available."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model_server.asked.append(body)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in events_for(self.path, body):
                self._send(f"data: {json.dumps(event)}\n\n".encode())
            if last:
                self._send(last)
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, chunk: bytes) -> None:
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model_server = ModelServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield model_server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def words(text: str) -> list[str]:
    """Split a text into the pieces in which it is streamed."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]
