"""A small HTTP server for tests: sends prepared answers in order and records requests."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    body: Any
    status: int = 200
    stream: bool = False
    breaks_off: bool = False
    raw: Iterable[bytes] | None = None
    """Sent unchanged instead of ``body``, until the client disconnects."""

    def encoded(self) -> Iterable[bytes]:
        if self.raw is not None:
            return self.raw
        if not self.stream:
            return [json.dumps(self.body).encode()]
        return [f"data: {json.dumps(event)}\n\n".encode() for event in self.body]


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class HttpServer:
    url: str
    answers: deque[Answer] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)

    def will_answer(self, *answers: Answer) -> None:
        self.answers.extend(answers)


@contextmanager
def http_server() -> Iterator[HttpServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: dict[str, Any]) -> None:
            script.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            answer = script.answers.popleft()
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/event-stream" if answer.stream else "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            breaks_off = answer.breaks_off  # the same answer may be sent again
            try:
                for chunk in answer.encoded():
                    self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                    self.wfile.flush()
                if not breaks_off:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:  # the client disconnected
                breaks_off = True
            self.close_connection = self.close_connection or breaks_off

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script = HttpServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
