"""The REST API as one FastAPI app, with its OpenAPI description and an interactive page."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colloquy.api import agents, health, settings, workspaces
from colloquy.api.events import routes as events
from colloquy.api.history import exports, history, imports, queries, results, retention, snapshots
from colloquy.api.http.body_limits import USUAL, BodyLimits, Limits
from colloquy.api.http.half_characters import WholeCharacters
from colloquy.api.http.paths import AllowedMethods, EncodedIds
from colloquy.api.http.problems import (
    PROBLEM_RESPONSES,
    Problem,
    WrongField,
    answer_with_problems,
    problem,
    with_problems_in_place_of_text,
)
from colloquy.api.http.shutdown import StreamsEnd
from colloquy.api.routes import API
from colloquy.api.sessions import conversations, feedback, runtime, sessions, turns

VERSION = "1"

LIMITS: Final = {
    "/v1/imports": Limits(imports.MOST_BYTES, levels=None, values=None),
}
"""Limits for requests with these paths; ``USUAL`` applies to all others."""

DESCRIPTION = """\
Everything that the pages of Colloquy can do: conversations, sessions, turns, and more.

Errors are problem details (RFC 9457). 404: something that the request names does not exist. 409: it is not possible
now. 412: it has changed since the client read it. 413: it is too large. 415: it is not uncompressed UTF-8. 422:
the request is not valid by this description, or a file cannot be imported.

Lists are paged: pass `next` as `cursor` to get the following page. Single resources have an `ETag`: `If-None-Match`
avoids reading them again, `If-Match` prevents overwriting newer versions. Times are in UTC.
"""

NO_ICON = "data:,"

routers: list[APIRouter] = [
    conversations.router,
    history.router,
    sessions.router,
    turns.router,
    runtime.router,
    events.router,
    agents.router,
    results.router,
    queries.router,
    feedback.router,
    workspaces.router,
    settings.router,
    snapshots.router,
    exports.router,
    imports.router,
    retention.router,
    health.router,
]
"""All routers below ``/api/v1``."""


def create_api(base: str = "") -> FastAPI:
    """Return the app to mount at ``API`` below ``base``: the routes of all routers, ``/docs`` and ``/openapi.json``."""
    api = _Api(
        title="Colloquy",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        root_path_in_servers=False,
        servers=[{"url": base}] if base else None,
        responses=PROBLEM_RESPONSES,
        max_body_size=None,  # see BodyLimits
        middleware=[
            Middleware(BodyLimits, limits=_limits_of, refuse=problem),
            Middleware(StreamsEnd),
            Middleware(_LocationsBelow, base=base),
            Middleware(WholeCharacters),
            Middleware(EncodedIds),
            Middleware(AllowedMethods),
        ],
    )
    answer_with_problems(api)
    for router in routers:
        api.include_router(router)
    api.add_route("/docs", _docs, include_in_schema=False)
    api.mount("/docs/assets", StaticFiles(directory=_assets()))
    return api


def _limits_of(path: str) -> Limits:
    return LIMITS.get(path, USUAL)


class _LocationsBelow:
    """Prefixes the ``Location`` headers of responses with the base path under which everything is served."""

    def __init__(self, app: ASGIApp, base: str) -> None:
        self._app = app
        self._base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_below(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self._base + headers["location"]
            await send(message)

        await self._app(scope, receive, send_below)


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description, including what FastAPI cannot see: errors, and the pieces of streams."""
        if self.openapi_schema is None:
            schema = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=self.routes,
                servers=self.servers,
            )
            _, definitions = models_json_schema(
                [(model, "serialization") for model in (Problem, WrongField, *turns.PIECES)],
                ref_template="#/components/schemas/{model}",
            )
            schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions["$defs"])
            schema["paths"] = {API + path: operations for path, operations in schema["paths"].items()}
            self.openapi_schema = schema
        return self.openapi_schema

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        await super().__call__(scope, receive, with_problems_in_place_of_text(scope, receive, send))


async def _docs(request: Request) -> HTMLResponse:
    here = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{here}/openapi.json",
        title="Colloquy: REST API",
        swagger_js_url=f"{here}/docs/assets/swagger-ui-bundle.js",
        swagger_css_url=f"{here}/docs/assets/swagger-ui.css",
        swagger_favicon_url=NO_ICON,
    )


def _assets() -> Path:
    """Return the folder of Swagger UI's files, which come from a package: nothing is loaded from other hosts."""
    return Path(str(resources.files("fastapi_offline") / "static"))
