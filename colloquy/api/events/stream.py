"""The endless response to a client that follows the events."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Send

from colloquy.api.events.hub import EventHub, Filter, id_of
from colloquy.runtime.bus import EventBus, Published
from colloquy.runtime.transcripts.lines import rfc3339
from session_store import Store

PACE = 0.02
"""Seconds between two packets to one client. Events in between are sent together."""

PACKET_EVENTS, PACKET_BYTES = 200, 2**16
"""The most events in one packet, and the size after which no more are added."""

BACK_AFTER = 1000
"""Milliseconds after which a client that lost its connection should reconnect."""

SLOWEST = 30.0
"""Seconds that a client may take to accept a packet."""

FARTHEST = 0.5
"""How far a client that does not read may fall behind, as a share of what the bus keeps: it can still reconnect and get
everything it missed."""

GAP = "gap"
"""The type of the event that says that earlier events are lost."""

log = logging.getLogger(__name__)

HEARTBEAT: Final = 15.0
"""Seconds without a packet after which the client gets a comment: this keeps proxies from closing the connection, and
reveals a dead one."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a client starts: after the event with this number. ``lost`` says why it does not resume where it left
    off."""

    number: int
    lost: str | None = None


class EventStream(EventSourceResponse):
    """Sends events as they come until the client leaves or stops reading.

    If it stops reading, the connection is closed; the client can reconnect with the ID of the last event that it got.
    """

    def __init__(self, bus: EventBus, store: Store, start: Start, wanted: Filter) -> None:
        super().__init__((), headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._bus, self._store = bus, store
        self._start, self._wanted = start, wanted
        self._number = self._named = start.number
        self._news = asyncio.Event()
        self._sending: asyncio.Timeout | None = None

    async def stream_response(self, send: Send) -> None:
        """Stream the response to the client."""
        hub = EventHub.of(self._bus, self._store)
        try:
            await hub.join(self._wake, self._wanted.workspaces)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._packet(send, self._greeting())
            while packet := await self._next(hub):
                await self._packet(send, packet)
                await asyncio.sleep(PACE)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.warning("A client that does not read the events was dropped.")
        finally:
            hub.leave(self._wake)

    def _wake(self) -> None:
        self._news.set()
        if self._sending and self._bus.lag(self._number) > FARTHEST:
            self._sending.reschedule(asyncio.get_running_loop().time())
            self._sending = None

    async def _packet(self, send: Send, packet: bytes) -> None:
        try:
            async with asyncio.timeout(SLOWEST) as self._sending:
                await send({"type": "http.response.body", "body": packet, "more_body": True})
        finally:
            self._sending = None

    def _greeting(self) -> bytes:
        """Return the first packet, with the client's position: it can resume here even if nothing happens."""
        here = id_of(self._bus.epoch, self._number)
        greeting = format_sse_event(comment="connected", id=here, retry=BACK_AFTER)
        if self._start.lost:
            gap = json.dumps({"reason": self._start.lost, "time": rfc3339(time.time())})
            greeting += format_sse_event(event=GAP, data_str=gap, id=here)
        return greeting

    async def _next(self, hub: EventHub) -> bytes | None:
        """Return the next packet, or a heartbeat; None if the client is so far behind that events are lost."""
        while True:
            self._news.clear()
            published = self._bus.since(self._number)
            if published is None:
                return None
            if published:
                if packet := await self._taken(hub, published[:PACKET_EVENTS]):
                    return packet
                continue
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._news.wait()
            except TimeoutError:
                return self._heartbeat()

    async def _taken(self, hub: EventHub, published: Sequence[Published]) -> bytes:
        notices = await hub.notices(published)
        sessions = await hub.sessions() if any(notice.lists for notice in notices) else b""
        packet = b""
        for one, notice in zip(published, notices, strict=True):
            self._number = one.number
            if self._wanted.takes(notice):
                self._named = one.number
                packet += notice.with_sessions(sessions)
                if len(packet) > PACKET_BYTES:
                    break
        return packet

    def _heartbeat(self) -> bytes:
        """Return a comment, with the client's current position if that is past its last event."""
        here = id_of(self._bus.epoch, self._number) if self._named != self._number else None
        self._named = self._number
        return format_sse_event(comment="still here", id=here)


async def with_heartbeats(packets: AsyncGenerator[bytes, None], *, every: float = HEARTBEAT) -> AsyncIterator[bytes]:
    """Yield the packets of server-sent events as they arrive, and a comment after every ``every`` seconds without
    one."""
    coming = asyncio.ensure_future(anext(packets, None))
    try:
        while True:
            await asyncio.wait({coming}, timeout=every)
            if not coming.done():
                yield KEEPALIVE_COMMENT
                continue
            packet = coming.result()
            if packet is None:
                return
            yield packet
            coming = asyncio.ensure_future(anext(packets, None))
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming
        await packets.aclose()
