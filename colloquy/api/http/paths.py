"""Paths of requests: all methods of a path in its ``Allow`` header, and IDs that contain slashes, which clients
percent-encode.

Servers decode a path before they route it, and an encoded slash would then split it. So it is replaced by a character
that no client can send, a lone surrogate, which does not split the path, and turned back into a slash in the parameters
of the matching route.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, StringConvertor, register_url_convertor
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SLASH: Final = "\udc2f"

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class _Segment(StringConvertor):
    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")


class _Rest(PathConvertor):
    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")


def keep_encoded_slashes() -> None:
    """Have routes that are created from now on restore slashes. Paths that did not pass through ``EncodedIds`` are
    unaffected."""
    register_url_convertor("str", _Segment())
    register_url_convertor("path", _Rest())


class EncodedIds:
    """Keeps encoded slashes from splitting the path of a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        raw = scope.get("raw_path", b"").decode("ascii", "replace")
        if "%2f" in raw.lower() and unquote(raw) == scope["path"]:
            path = "/".join(unquote(segment).replace("/", _SLASH) for segment in raw.split("/"))
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


class AllowedMethods:
    """Answers OPTIONS, and completes the ``Allow`` header where a method is refused. Runs directly in front of an app's
    routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and (allowed := _allowed(scope)):
            await Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})(scope, receive, send)
            return

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
                MutableHeaders(scope=message)["Allow"] = _allowed(scope)
            await send(message)

        await self._app(scope, receive, send_on)


def _allowed(scope: Scope) -> str:
    """The methods that a request's path accepts, including OPTIONS; empty if the path does not exist."""
    app: Starlette = scope["app"]
    found = [method for method in METHODS if any(_takes(route, scope, method) for route in app.router.routes)]
    return ", ".join([*found, "OPTIONS"]) if found else ""


def _takes(route: BaseRoute, scope: Scope, method: str) -> bool:
    return route.matches({**scope, "method": method})[0] is Match.FULL
