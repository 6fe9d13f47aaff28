"""An ASGI app on a real port, and clients that read server-sent events from it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

PATIENCE = 30.0


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an app in a thread. Yields its URL."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5))
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts connections before the server answers them
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass(frozen=True)
class Sent:
    """A server-sent event."""

    kind: str
    data: dict[str, Any]
    id: str


class Reader:
    """Reads events the way browsers do: ``last_id`` is the last id received, with an event or without one."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self.retry: int | None = None
        self.comments: list[str] = []
        self._lines = response.aiter_lines()

    async def begin(self) -> None:
        """Read what comes before the first event."""
        self.take(await self.block() or [])

    async def next(self) -> Sent | None:
        """Return the next event; None at the end of the stream."""
        async with asyncio.timeout(PATIENCE):
            while (lines := await self.block()) is not None:
                if event := self.take(lines):
                    return event
        return None

    async def take_until(self, kind: str, **data: Any) -> list[Sent]:
        """Return the events up to and including the first of a kind with this data."""
        taken: list[Sent] = []
        while event := await self.next():
            taken.append(event)
            if event.kind == kind and data.items() <= event.data.items():
                return taken
        raise AssertionError(f"the stream ended before {kind} {data}")

    def take(self, lines: list[str]) -> Sent | None:
        """Process the lines of a block. Returns its event, if it has one."""
        kind, data = "message", ""
        for line in lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "":
                self.comments.append(value)
            elif name == "event":
                kind = value
            elif name == "data":
                data += value
            elif name == "id":
                self.last_id = value
            elif name == "retry":
                self.retry = int(value)
        return Sent(kind, json.loads(data), self.last_id) if data else None

    async def block(self) -> list[str] | None:
        lines: list[str] = []
        async for line in self._lines:
            if not line:
                return lines
            lines.append(line)
        return None


@asynccontextmanager
async def reading(url: str, *, after: str | None = None, **query: Any) -> AsyncIterator[Reader]:
    """Connect a client to the stream of events at ``url``, optionally resuming ``after`` an event. It receives
    everything that happens after it has connected."""
    headers = {} if after is None else {"Last-Event-ID": after}
    async with (
        httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client,
        client.stream("GET", f"{url}/api/v1/events", params=query, headers=headers) as response,
    ):
        response.raise_for_status()
        reader = Reader(response)
        await reader.begin()
        yield reader


def chunks(events: list[Sent]) -> str:
    """Return what the agents said in these events."""
    return "".join(event.data["text"] for event in events if event.kind == "agent-chunk")
