"""Sends responses without TCP delays.

Works with streamlit 1.67 and uvicorn 0.54, whose sockets reach asyncio ready-made. Worth reporting to Streamlit: it
should create its socket with ``proto=IPPROTO_TCP``.
"""

from __future__ import annotations

import asyncio
import socket
from functools import wraps


def send_without_delay(loop: asyncio.AbstractEventLoop) -> None:
    """Sets ``TCP_NODELAY`` on the sockets that ``loop`` listens on from now on, and so on their connections.

    A server writes the header and the body of a response one after the other. Without the option the kernel holds the
    second back until the client has acknowledged the first, and the client delays that in turn: 40 ms for each
    response, and for each WebSocket message that follows another. asyncio sets the option itself on sockets that are
    declared as TCP (``proto``); Streamlit's socket declares nothing.
    """
    create_server = loop.create_server

    @wraps(create_server)
    async def on_sockets_without_delay(
        *args: object, sock: socket.socket | None = None, **options: object
    ) -> asyncio.Server:
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made: asyncio.Server = await create_server(*args, sock=sock, **options)  # type: ignore[call-overload]
        return made

    loop.create_server = on_sockets_without_delay  # type: ignore[method-assign]
