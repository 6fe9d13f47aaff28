"""Keeps a stream alive while it has nothing to send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Final

from fastapi.sse import KEEPALIVE_COMMENT

HEARTBEAT: Final = 15.0
"""Seconds without a packet after which the client gets a comment: this keeps proxies from closing the connection, and
reveals a dead one."""


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
