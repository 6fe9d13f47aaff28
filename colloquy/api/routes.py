"""Everything served besides the pages, in the order in which routes are matched."""

from __future__ import annotations

import asyncio
import importlib
import re
import threading
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from colloquy.api.events.live import live_route

API: Final = "/api"
ADK: Final = "/adk"
AT_THE_ROOT: Final = ("/run_turn", "/sessions", "/sessions/{rest:path}")

R = TypeVar("R", Mount, Route)


def routes(base: str = "") -> list[BaseRoute]:
    """The routes for ``st.App``, below the path ``base`` under which all of Colloquy is served."""
    base = f"/{base.strip('/')}".rstrip("/")
    api = mounted_api(base)
    return [live_route(base), api, mounted_adk(base), *_at_the_root(api, base)]


def mounted_api(base: str = "") -> Mount:
    """The REST API, mounted below ``base``."""
    return _mounted(f"{base}{API}", lambda: importlib.import_module("colloquy.api.app").create_api(base))


def mounted_adk(base: str = "") -> Mount:
    """The routes of ADK's API server, mounted below ``base``."""
    return _mounted(f"{base}{ADK}", lambda: importlib.import_module("colloquy.api.adk.app").adk_app())


def _mounted(path: str, make: Callable[[], ASGIApp]) -> Mount:
    """Mount an app at a path."""
    return _with_any_id(Mount(path, MadeWhenAsked(make)))


def _at_the_root(api: Mount, base: str) -> list[BaseRoute]:
    """The routes of the API that clients may also use without its prefix."""
    moved = _Moved(api.app, base)
    return [_with_any_id(Route(f"{base}{path}", moved)) for path in AT_THE_ROOT]


def _with_any_id(route: R) -> R:
    """Allow any character in the IDs of a route, including line breaks."""
    route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
    return route


class _Moved:
    """Passes requests on to the API as if they were for its ``/v1``."""

    def __init__(self, api: ASGIApp, base: str) -> None:
        self._api = api
        self._base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        root = f"{self._base}{API}"
        path = f"{root}/v1{scope['path'].removeprefix(self._base)}"
        asked = scope.get("raw_path", b"").decode("ascii", "replace").removeprefix(quote(self._base))
        raw = f"{quote(root)}/v1{asked}"  # a slash within an ID stays encoded here, unlike the slashes between segments
        raw = raw if unquote(raw) == path else quote(path)
        await self._api({**scope, "path": path, "raw_path": raw.encode(), "root_path": root}, receive, send)


class MadeWhenAsked:
    """Creates an app on the first request, which waits for it: importing it takes half a second that must not delay the
    start."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None
        self._making = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if self._app is None:
            self._app = await asyncio.to_thread(self._made)
        await self._app(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._making:
            if self._app is None:
                self._app = self._make()
            return self._app
