"""The ``Allow`` header with all methods of a path: frameworks only report those of the first matching route."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


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
