"""Unpublished details of Streamlit's server, and fixes for its WebSocket and for a side effect of its page runs.

Works with streamlit 1.67.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_server_config import STATIC_ASSET_CACHE_MAX_AGE_SECONDS
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

__all__ = ["STATIC_ASSET_CACHE_MAX_AGE_SECONDS", "BinaryFrames", "is_host_allowed", "keep_import_path_still"]

PAGES: Final = "/_stcore/stream"
"""The path at which pages open their WebSocket."""

UNSUPPORTED_DATA: Final = 1003
"""The code that closes a WebSocket which sent an unsupported kind of data (RFC 6455, 7.4.1)."""


class BinaryFrames:
    """Closes the WebSocket of a page that sends text with code 1003, as the protocol requires.

    Streamlit reads bytes, and expects a different error from Starlette for text than the one that Starlette raises: the
    connection would end without a code, and the log would get a traceback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on one request or connection."""
        if scope["type"] != "websocket" or not scope["path"].endswith(PAGES):
            await self._app(scope, receive, send)
            return
        is_closed = False

        async def receive_bytes() -> Message:
            nonlocal is_closed
            message = await receive()
            if message["type"] != "websocket.receive" or message.get("bytes") is not None:
                return message
            is_closed = True
            await send({"type": "websocket.close", "code": UNSUPPORTED_DATA, "reason": "Only bytes are read here."})
            return {"type": "websocket.disconnect", "code": UNSUPPORTED_DATA}

        async def send_on(message: Message) -> None:
            if not is_closed:
                await send(message)

        await self._app(scope, receive_bytes, send_on)


def keep_import_path_still(script: Path) -> None:
    """Keeps ``sys.path`` unchanged during runs of ``script``.

    Streamlit inserts the folder of the script at the front of it for each run and removes it at the end
    (``modified_sys_path``), unless it is already there. A turn that imports something in its own thread meanwhile
    iterates over a shrinking list and misses an entry: "No module named …" for a module that is installed.
    """
    if str(script.parent) not in sys.path:
        sys.path.append(str(script.parent))
