"""Size limits of requests: bytes of the body and the address, nesting and number of values in JSON. One table holds the
limits of every endpoint, and one guard in front of each app enforces them while bytes arrive, before anything parses
them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message as Header
from http import HTTPStatus
from typing import Final

import numpy as np
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a request. ``levels`` and ``values`` apply to JSON; None where the body is not JSON."""

    bytes: int
    levels: int | None = 60
    values: int | None = 200_000


USUAL: Final = Limits(8 * MIB)
"""For everything not listed below. A text of a million characters takes at most six bytes per character, as escapes."""

ADK: Final = Limits(8 * MIB, values=20_000)
"""For requests to ADK's server, which builds models with far more fields than there are values, one after another,
blocking all other requests. 200,000 values took four to six seconds."""

MESSAGES: Final = Limits(64 * MIB, values=20_000)
"""For messages to ADK's server, which may carry files."""

LONGEST_ADDRESS: Final = 16_384
"""The most bytes of a path and its query together."""

ENOUGH: Final = 4
"""How many bytes reveal the encoding of JSON."""

UTF_8: Final = ("utf-8", "utf-8-sig", "utf8", "us-ascii", "ascii")
"""The encodings that JSON may use; ASCII is a subset of UTF-8."""

Refuse = Callable[[HTTPStatus, str], ASGIApp]

PIECE: Final = 256 * 1024
"""How many bytes of JSON are scanned at a time; other requests are served in between."""

_STEPS: Final = bytes(1 if byte in b"[{" else 255 if byte in b"]}" else 0 for byte in range(256))
"""What each byte adds to the nesting level, as signed bytes."""


class BodyLimits:
    """Refuses requests that exceed the limits."""

    def __init__(self, app: ASGIApp, limits: Callable[[str], Limits], refuse: Refuse) -> None:
        """Guard ``app``. ``limits`` returns the limits of a path below it, ``refuse`` creates the response."""
        self._app = app
        self._limits = limits
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            receive = await _Guarded(self._limits(path), scope, receive).received()
        except _RefusedError as error:
            await self._refuse(error.status, str(error))(scope, receive, send)
            return
        answered = False

        async def noting(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except _RefusedError as error:
            if answered:
                raise
            await self._refuse(error.status, str(error))(scope, receive, send)


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Guarded:
    """Counts the bytes of one request as they arrive."""

    def __init__(self, limits: Limits, scope: Scope, receive: Receive) -> None:
        self._limits = limits
        self._receive = receive
        self._count = 0
        self._headers = Headers(scope=scope)
        self._address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")

    async def received(self) -> Receive:
        """Return a ``receive`` for the request, after checking its JSON."""
        if self._address > LONGEST_ADDRESS:
            raise _RefusedError(
                HTTPStatus.REQUEST_URI_TOO_LONG, f"The address is longer than {LONGEST_ADDRESS:,} bytes. Shorten it."
            )
        declared = self._headers.get("content-length", "")
        if declared.isdecimal():
            self._check(int(declared[:20]))
        _check_headers(self._headers)
        if self._limits.levels is None:
            return self.next
        return await self._whole()

    async def next(self) -> Message:
        """Receive the next chunk of the request."""
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._check(self._count)
        return message

    async def _whole(self) -> Receive:
        body = bytearray()
        counted = _Counted(self._limits)
        message = await self.next()
        while message["type"] == "http.request":
            is_last = not message.get("more_body")
            begins = len(body) < ENOUGH
            body += message.get("body", b"")
            if begins and (is_last or len(body) >= ENOUGH):
                _check_encoding(bytes(body[:ENOUGH]))
            await counted.add(message.get("body", b""))
            if is_last:
                break
            message = await self.next()
        waiting = [message] if message["type"] != "http.request" else [{**message, "body": bytes(body)}]

        async def receive() -> Message:
            return waiting.pop() if waiting else await self._receive()

        return receive

    def _check(self, count: int) -> None:
        if count > self._limits.bytes:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The request is too large: the limit is {self._limits.bytes / MIB:,.0f} MB.",
            )


def _check_headers(headers: Headers) -> None:
    """Refuse bodies in an encoding that is not supported."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise _RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Bodies compressed with {coding[:20]!r} are not read. Send it as it is."
        )
    kind = Header()
    kind["content-type"] = headers.get("content-type", "application/json")
    charset = str(kind.get_param("charset", "utf-8")).lower()
    if "json" in kind.get_content_subtype() and charset not in UTF_8:
        raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"JSON is read only as UTF-8, not as {charset[:20]!r}.")


def _check_encoding(start: bytes) -> None:
    """Refuse JSON that a parser would take for another encoding than the one scanned here."""
    encoding = json.detect_encoding(start)
    if encoding not in UTF_8:
        raise _RefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"JSON is read as UTF-8 only, and this looks like {encoding.upper()}."
        )


class _Counted:
    """Counts the levels and values of JSON without parsing it, ignoring the contents of strings."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._level = self._values = 0
        self._in_text = self._after_backslash = False

    async def add(self, body: bytes) -> None:
        """Count another part of the body, yielding to other requests now and then."""
        for start in range(0, len(body), PIECE):
            if start:
                await asyncio.sleep(0)
            self._count(body[start : start + PIECE])

    def _count(self, piece: bytes) -> None:
        outside = ~self._texts(piece)
        steps = np.frombuffer(piece.translate(_STEPS), np.int8) * outside
        levels = np.cumsum(steps, dtype=np.int32) + self._level
        commas = (np.frombuffer(piece, np.uint8) == ord(",")) & outside
        self._level = int(levels[-1])
        self._values += int(np.count_nonzero(steps > 0)) + int(np.count_nonzero(commas))
        if levels.max() > (self._limits.levels or 0) or self._values > (self._limits.values or 0):
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The JSON is too large: the limit is {self._limits.values:,} values, nested {self._limits.levels} "
                "levels deep.",
            )
        if levels.min() < 0:
            raise _RefusedError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not valid JSON: a bracket closes that was never opened."
            )

    def _texts(self, piece: bytes) -> np.ndarray:
        """Mark the bytes that are inside a string."""
        if self._after_backslash:
            piece = b" " + piece[1:]
        escaped = piece.replace(rb"\\", b"  ")
        self._after_backslash = escaped.endswith(b"\\")
        quotes = np.frombuffer(escaped.replace(rb"\"", b"  "), np.uint8) == ord('"')
        inside = np.logical_xor.accumulate(quotes) ^ self._in_text
        self._in_text = bool(inside[-1])
        return inside
