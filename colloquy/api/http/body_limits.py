"""Requests have a size: bytes of a body and of an address, levels and values of its JSON. One table says how much, for
every entrance, and one guard in front of each app holds to it while bytes come, before anything reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may have. ``levels`` and ``values`` are of JSON; None where the body is no JSON."""

    bytes: int
    levels: int | None = 60
    values: int | None = 200_000


USUAL: Final = Limits(8 * MIB)
"""Of what is not named below. A text of a million characters takes six bytes for each at most, as escapes."""

MESSAGES: Final = Limits(64 * MIB)
"""Messages may bring files along."""

LONGEST_ADDRESS: Final = 16_384
"""Bytes of a path and its query together."""

Refuse = Callable[[HTTPStatus, str], ASGIApp]

_SEPARATORS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]},]', re.DOTALL)


class BodyLimits:
    """Refuses requests that are larger than they may be."""

    def __init__(self, app: ASGIApp, limits: Callable[[str], Limits], refuse: Refuse) -> None:
        """Guard ``app``. ``limits`` tells those of a path below it, ``refuse`` makes an answer."""
        self._app = app
        self._limits = limits
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            receive = await _Guarded(self._limits(path), scope, receive).received()
        except _TooLargeError as error:
            await self._refuse(error.status, str(error))(scope, receive, send)
            return
        answered = False

        async def noting(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except _TooLargeError as error:
            if answered:
                raise
            await self._refuse(error.status, str(error))(scope, receive, send)


class _TooLargeError(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Guarded:
    """Counts the bytes of one request as they come."""

    def __init__(self, limits: Limits, scope: Scope, receive: Receive) -> None:
        self._limits = limits
        self._receive = receive
        self._count = 0
        self._headers = Headers(scope=scope)
        self._address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")

    async def received(self) -> Receive:
        """A way to receive the request, whose JSON is looked through already."""
        if self._address > LONGEST_ADDRESS:
            raise _TooLargeError(
                HTTPStatus.REQUEST_URI_TOO_LONG, f"The address is longer than {LONGEST_ADDRESS:,} bytes. Shorten it."
            )
        declared = self._headers.get("content-length", "")
        if declared.isdecimal():
            self._check(int(declared[:20]))
        if self._limits.levels is None or "multipart/" in self._headers.get("content-type", ""):
            return self.next
        return await self._whole()

    async def next(self) -> Message:
        """The next piece."""
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._check(self._count)
        return message

    async def _whole(self) -> Receive:
        body = bytearray()
        message = await self.next()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
            message = await self.next()
        if body:
            _check_json(bytes(body), self._limits)
        waiting = [message] if message["type"] != "http.request" else [{**message, "body": bytes(body)}]

        async def receive() -> Message:
            return waiting.pop() if waiting else await self._receive()

        return receive

    def _check(self, count: int) -> None:
        if count > self._limits.bytes:
            raise _TooLargeError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The request is too large: the limit is {self._limits.bytes / MIB:,.0f} MB.",
            )


def _check_json(body: bytes, limits: Limits) -> None:
    """Count levels and values without reading them."""
    level = values = 0
    for found in _SEPARATORS.finditer(body):
        sign = found[0]
        if sign in (b"[", b"{"):
            level += 1
            values += 1
        elif sign in (b"]", b"}"):
            level -= 1
        elif sign == b",":
            values += 1
        if level > (limits.levels or 0) or values > (limits.values or 0):
            raise _TooLargeError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The JSON is too large: the limit is {limits.values:,} values, nested {limits.levels} levels deep.",
            )
