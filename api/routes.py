"""All that is served beside the pages, in the order in which it is looked for."""

from __future__ import annotations

import asyncio
import importlib
import re
import threading
from collections.abc import Callable
from typing import Final

from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from api.live import live_route

API: Final = "/api"
ADK: Final = "/adk"


def routes(base: str = "") -> list[BaseRoute]:
    """The routes for ``st.App``, below the path ``base`` that all of Colloquy is served at."""
    base = f"/{base.strip('/')}".rstrip("/")
    return [live_route(base), mounted_api(base), mounted_adk(base)]


def mounted_api(base: str = "") -> Mount:
    """The REST API at its place, in all that is served below ``base``."""
    return _mounted(f"{base}{API}", lambda: importlib.import_module("api.app").create_api(base))


def mounted_adk(base: str = "") -> Mount:
    """The routes of ADK's API server at their place below ``base``."""
    return _mounted(f"{base}{ADK}", lambda: importlib.import_module("api.adk").adk_app())


def _mounted(path: str, make: Callable[[], ASGIApp]) -> Mount:
    """An app at its place. Ids in its paths may have any character, line breaks included."""
    mount = Mount(path, MadeWhenAsked(make))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


class MadeWhenAsked:
    """Makes an app at the first request, which waits for it: to import it takes half a second that no start should
    wait for."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None
        self._making = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._app is None:
            self._app = await asyncio.to_thread(self._made)
        await self._app(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._making:
            if self._app is None:
                self._app = self._make()
            return self._app
