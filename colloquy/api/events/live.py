"""Wakes the pages: a WebSocket that says that something happened, but never what."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from colloquy.runtime.application import current
from colloquy.runtime.bus import BusEvent, EventKind

PACE = 0.04
"""Seconds between two wakes of one page: 25 per second look continuous, and more would only load the browser."""

SESSION_DELAY, LIST_DELAY = 0.15, 0.3
"""Seconds that news of a session, and of the list of sessions, may wait for more. The start of a turn produces several
events, and redrawing the page for each would delay the first word of the answer, which users wait for. Words do not
wait."""

ALL_WORDS_PACE = 1.0
"""Seconds between two wakes of a page that shows the words of all sessions: it follows many answers at a glance."""

MOST_BYTES: Final = 1024
"""The most bytes that one page may send in all. Pages only listen; a client that sends a large message or a flood of
small ones is not a page."""

TOO_LARGE: Final = 1009
"""Close code for a WebSocket (RFC 6455, 7.4.1)."""


async def wake(socket: WebSocket) -> None:
    """Send a short text whenever the page has something new to show.

    With ``?session=<id>`` that is anything in this session; with ``&words=no``, anything except the words of a running
    answer. Without it, any change to the list of sessions; with ``?words=all``, also the words of all running answers.
    """
    await socket.accept()
    session_id = socket.query_params.get("session")
    words = socket.query_params.get("words")
    with_words = session_id is not None and words != "no"
    all_words = session_id is None and words == "all"
    loop, news, word = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def hear(event: BusEvent) -> None:
        if event.is_done:  # the change of the turn says the same
            return
        is_word = event.kind is EventKind.AGENT_CHUNK
        if session_id in (None, event.key.session_id) and (with_words or all_words or not is_word):
            loop.call_soon_threadsafe(news.set)
            if is_word and with_words:
                loop.call_soon_threadsafe(word.set)

    unsubscribe = current().bus.subscribe(hear)
    leaving = asyncio.create_task(_until_left(socket))
    try:
        while not leaving.done():
            waking = asyncio.create_task(news.wait())
            await asyncio.wait((waking, leaving), return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            if news.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(word.wait(), SESSION_DELAY if with_words else LIST_DELAY)
                news.clear()
                word.clear()
                await socket.send_text("news")
                await asyncio.sleep(ALL_WORDS_PACE if all_words else PACE)
    except (WebSocketDisconnect, RuntimeError):  # Starlette raises either if the page is gone while we send
        pass
    finally:
        unsubscribe()
        leaving.cancel()


async def _until_left(socket: WebSocket) -> None:
    """Return when the page has left, or was disconnected for sending too much."""
    received = 0
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        received += len(message.get("bytes") or (message.get("text") or "").encode()) + 1  # empty messages count, too
        if received > MOST_BYTES:
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(TOO_LARGE, f"At most {MOST_BYTES:,} bytes can be sent here.")
            return


def live_route(base: str = "") -> WebSocketRoute:
    """Return the WebSocket route below ``base``."""
    return WebSocketRoute(f"{base}/api/live", wake)
