"""Joins or replaces lone surrogates in requests on arrival, so that no other code meets one."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from session_store.json_safe import joined

LARGEST: Final = 32 * 2**20
"""Bodies of more bytes than this are passed on unchanged: only requests with files are that large."""

LONG: Final = 256 * 1024
"""Bodies of more bytes than this are repaired in a thread."""

_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""Each escape in JSON: a surrogate pair, a lone surrogate, or anything else."""


class WholeCharacters:
    """Replaces lone surrogates in JSON bodies with U+FFFD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and "json" in Headers(scope=scope).get("content-type", ""):
            receive = _Mended(receive)
        await self._app(scope, receive, send)


class _Mended:
    """Receives a body in one piece, without lone surrogates."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        body = bytearray(message.get("body", b""))
        while message.get("more_body") and len(body) <= LARGEST:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            body += message.get("body", b"")
        if len(body) > LARGEST:
            return {**message, "body": bytes(body)}
        if len(body) > LONG:  # it would block other requests
            return {**message, "body": await asyncio.to_thread(mended, bytes(body))}
        return {**message, "body": mended(bytes(body))}


def mended(body: bytes) -> bytes:
    """JSON without lone surrogates, whether written as escapes or as bytes."""
    if b"\\u" in body:
        body = _ESCAPES.sub(lambda found: rb"\ufffd" if found["half"] else found[0], body)
    if b"\xed" in body:
        try:
            return joined(body.decode("utf-8", "surrogatepass")).encode()
        except UnicodeDecodeError:  # not UTF-8: the parser reports it
            return body
    return body
