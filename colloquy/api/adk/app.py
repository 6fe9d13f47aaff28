"""``/adk``: ADK's own API server over Colloquy's sessions and turns, for clients that were written for ADK."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, HTTPException
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse
from google.adk.errors.input_validation_error import InputValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from colloquy.api.adk.agents import CatalogueLoader
from colloquy.api.adk.checks import PlainPaths
from colloquy.api.adk.description import say_what_is_refused
from colloquy.api.adk.runs import QueuedRunner, TurnFailedError
from colloquy.api.adk.sessions import NamedArtifacts, QuietSessions
from colloquy.api.http.body_limits import ADK, MESSAGES, BodyLimits, Limits
from colloquy.api.http.half_characters import WholeCharacters
from colloquy.api.http.paths import AllowedMethods, EncodedIds
from colloquy.api.http.problems import MOST_ERRORS, STATUSES, shown, shown_name
from colloquy.api.http.shutdown import StreamsEnd
from colloquy.runtime.application import Application, current
from session_store.engine.faults import unwritable

if TYPE_CHECKING:
    from google.adk.auth.credential_service.base_credential_service import BaseCredentialService
    from google.adk.cli.api_server import ApiServer
    from google.adk.memory import BaseMemoryService

_SESSION = "/apps/{app_name}/users/{user_id}/sessions/{session_id}"
_ARTIFACT = f"{_SESSION}/artifacts/{{artifact_name:path}}"

PATHS = frozenset(
    {
        "/health",
        "/version",
        "/openapi.json",
        "/list-apps",
        "/apps/{app_name}/app-info",
        "/apps/{app_name}/users/{user_id}/sessions",
        _SESSION,
        f"{_SESSION}/artifacts",
        _ARTIFACT,
        f"{_ARTIFACT}/versions",
        f"{_ARTIFACT}/versions/metadata",
        f"{_ARTIFACT}/versions/{{version_id}}",
        f"{_ARTIFACT}/versions/{{version_id}}/metadata",
        "/run",
        "/run_sse",
    }
)
"""The paths of ADK's server that are served. All others stay closed, such as ``/run_live``, which bypasses the queue of
turns, and any that a later ADK adds."""

_REFUSED: dict[str, Any] = {
    "description": "Refused, or failed: `detail` says why.",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"detail": {}}}}},
}
_FAILED: dict[str, Any] = {
    **_REFUSED,
    "description": "The turn failed: `detail` says why. Its events are kept.",
}
_STATUSES = {
    **STATUSES,
    InputValidationError: HTTPStatus.BAD_REQUEST,
    TurnFailedError: HTTPStatus.BAD_GATEWAY,
}


def adk_app() -> ASGIApp:
    """Return the app to mount at ``ADK``."""
    return BodyLimits(PlainPaths(StreamsEnd(WholeCharacters(EncodedIds(_WhenAsked())))), _limits_of, _too_large)


def _limits_of(path: str) -> Limits:
    return MESSAGES if path in {"/run", "/run_sse"} or "/artifacts" in path else ADK


def _too_large(status: HTTPStatus, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=status)


class _WhenAsked:
    """Creates the server on the first request: importing it takes half a second that must not delay the start."""

    def __init__(self) -> None:
        self._made: tuple[Application, ASGIApp] | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        application = current()
        async with self._making:
            if self._made is None or self._made[0] is not application:
                self._made = application, await asyncio.to_thread(_server, application)
        await self._made[1](scope, receive, send)


def _server(application: Application) -> FastAPI:
    app = _api_server(application).get_fast_api_app()
    app.router.routes = [route for route in app.router.routes if _path(route) in PATHS]
    app.user_middleware.clear()  # ADK checks origins without knowing the settings: ``http.security`` has done so
    app.add_middleware(AllowedMethods)
    app.router.redirect_slashes = False  # it cannot tell an ID with a slash from two path segments
    for route in app.router.routes:
        if isinstance(route, APIRoute):
            route.responses = {**route.responses, "default": _REFUSED}
            if route.path == "/run":
                route.responses[HTTPStatus.BAD_GATEWAY.value] = _FAILED
            if route.path == "/run_sse":
                route.response_class = EventSourceResponse
    _describe(app)
    for kind in (*_STATUSES, OSError):
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(StarletteHTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _wrong_fields)
    return app


def _describe(app: FastAPI) -> None:
    """Complete the OpenAPI description of an app when it is requested."""
    as_it_was = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            say_what_is_refused(as_it_was())
        return as_it_was()

    app.openapi = openapi  # type: ignore[method-assign]


def _api_server(application: Application) -> ApiServer:
    from google.adk.cli.api_server import ApiServer  # noqa: PLC0415 - see _WhenAsked
    from google.adk.runners import Runner  # noqa: PLC0415

    loader = CatalogueLoader(application)

    class TurnServer(ApiServer):
        """Runs agents as turns of the application."""

        async def get_runner_async(self, app_name: str) -> Runner:
            try:
                agent = loader.find(app_name)
            except ValueError as error:
                raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
            return cast("Runner", QueuedRunner(application.turns, agent.id))

    return TurnServer(
        agent_loader=loader,
        session_service=QuietSessions(application),
        artifact_service=NamedArtifacts(application.artifacts),
        memory_service=cast("BaseMemoryService", None),  # this and the following are for paths that stay closed
        credential_service=cast("BaseCredentialService", None),
        eval_sets_manager=None,
        eval_set_results_manager=None,
        agents_dir="",
    )


def _path(route: BaseRoute) -> str:
    return str(getattr(route, "path", ""))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    """Return an error in the format of ADK's own errors."""
    known = _told(error)
    if known is None:
        raise error
    status = next(_STATUSES[kind] for kind in type(known).__mro__ if kind in _STATUSES)
    return JSONResponse({"detail": str(known) or status.description}, status_code=status)


async def _of_http(request: Request, error: Exception) -> Response:
    """Answer an HTTP error. ADK's server turns all errors that it does not know, including Colloquy's, into 400 or
    500."""
    given = cast("StarletteHTTPException", error)
    if given.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR) and (
        known := _told(given.__cause__)
    ):
        return await _refused(request, known)
    return await http_exception_handler(request, given)


async def _wrong_fields(_: Request, error: Exception) -> JSONResponse:
    """Answer an invalid request with FastAPI's errors, but without the request itself: it may be long, and not valid
    JSON."""
    errors = cast("RequestValidationError", error).errors()
    wrong = [
        {"type": one["type"], "loc": [one["loc"][0], *map(shown_name, one["loc"][1:])], "msg": shown(one["msg"])}
        for one in errors[:MOST_ERRORS]
    ]
    return JSONResponse({"detail": wrong}, status_code=HTTPStatus.UNPROCESSABLE_ENTITY)


def _told(error: BaseException | None) -> Exception | None:
    """Return the error, or what it stands for, if errors of its kind have a status; else None."""
    if isinstance(error, OSError):
        return unwritable(error)
    return error if isinstance(error, Exception) and isinstance(error, tuple(_STATUSES)) else None
