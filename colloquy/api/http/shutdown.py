"""Ends streams when the server is told to shut down: otherwise it would wait until their clients leave."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Server
from uvicorn.server import HANDLED_SIGNALS

ENDLESS = "text/event-stream"
"""The media type of responses that may never end. Other responses in progress are completed."""

LAST_WORD = 1.0
"""Seconds that a client may take to receive the end of its stream."""

PATIENCE = 5
"""Seconds that the server waits for other open requests and for clients that do not read."""

Handler = Callable[[int, FrameType | None], object]


class StreamsEnd:
    """Ends server-sent event streams, as if they were complete, when a signal asks the process to exit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _listen()
        is_complete = False

        async def noting(message: Message) -> None:
            nonlocal is_complete
            if message["type"] == "http.response.start" and _is_endless(message):
                _open.add(patience)
            is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            async with asyncio.timeout(None) as patience:
                await self._app(scope, receive, noting)
        except TimeoutError:
            if not patience.expired():
                raise
            if not is_complete:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_WORD):
                        await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            _open.discard(patience)


_open: set[asyncio.Timeout] = set()


def _listen() -> None:
    """Receive the signals before uvicorn, which waits for open streams before it tells the app."""
    if threading.current_thread() is not threading.main_thread():
        return  # the server receives no signals then
    for number in HANDLED_SIGNALS:
        handler = signal.getsignal(number)
        server = getattr(handler, "__self__", None)
        if callable(handler) and isinstance(server, Server):  # else it is installed already, or another server runs
            server.config.timeout_graceful_shutdown = server.config.timeout_graceful_shutdown or PATIENCE
            signal.signal(number, partial(_leave, asyncio.get_running_loop(), handler))


def _leave(loop: asyncio.AbstractEventLoop, handler: Handler, number: int, frame: FrameType | None) -> None:
    loop.call_soon_threadsafe(_end_all)
    handler(number, frame)


def _end_all() -> None:
    now = asyncio.get_running_loop().time()
    for patience in _open:
        patience.reschedule(now)


def _is_endless(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").partition(";")[0].strip() == ENDLESS
