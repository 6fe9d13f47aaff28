"""Errors as RFC 9457 problem details, which every route returns when something is wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from colloquy.agents.agent import UnknownAgentError
from colloquy.api.http.values import PATTERNS
from colloquy.runtime.attachments import AttachmentRefusedError
from colloquy.runtime.results import ResultGoneError
from colloquy.runtime.turns.messages import EmptyMessageError, SessionGoneError
from session_store.compat.adk import StaleSessionError
from session_store.engine.faults import unwritable
from session_store.errors import (
    ColloquyError,
    CursorError,
    StoreClosedError,
    StoreFullError,
    StoreNotWritableError,
    UnknownWorkspaceError,
    wrong_value,
)
from session_store.exchange import ExportError, ImportRefusedError

MEDIA_TYPE = "application/problem+json"


class WrongField(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="The part of the request: body, query, path or header.")
    field: str = Field(description="The field, with dots between nested names; empty for the whole part.")
    detail: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error as RFC 9457 describes it."""

    type: str = Field("about:blank", description="Always about:blank: the status says what kind of problem it is.")
    title: str = Field(description="The name of the status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do about it, as text for people.")
    errors: list[WrongField] | None = Field(None, description="The invalid fields of the request.")


class NotFoundError(ColloquyError):
    """The path names something that does not exist."""


class StaleError(ColloquyError):
    """The resource has changed since the client read it."""


class NotReadyError(ColloquyError):
    """The app cannot serve yet, or no longer."""


class ConflictError(ColloquyError):
    """The request cannot be carried out in the current state."""


STATUSES: Final[Mapping[type[Exception], HTTPStatus]] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    SessionGoneError: HTTPStatus.NOT_FOUND,
    SessionNotFoundError: HTTPStatus.NOT_FOUND,
    ResultGoneError: HTTPStatus.NOT_FOUND,
    UnknownAgentError: HTTPStatus.NOT_FOUND,
    UnknownWorkspaceError: HTTPStatus.NOT_FOUND,
    CursorError: HTTPStatus.NOT_FOUND,
    ExportError: HTTPStatus.NOT_FOUND,
    StaleSessionError: HTTPStatus.CONFLICT,
    AlreadyExistsError: HTTPStatus.CONFLICT,
    StaleError: HTTPStatus.PRECONDITION_FAILED,
    StoreClosedError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReadyError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    StoreNotWritableError: HTTPStatus.INSUFFICIENT_STORAGE,
    EmptyMessageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    AttachmentRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ImportRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ColloquyError: HTTPStatus.CONFLICT,
}
"""The status that answers an error; its nearest base class decides. A request that conforms to the API description
either names something that does not exist (404) or asks for something that is not possible at the moment (409). 422 is
for requests that the description rules out, and for files whose content cannot be used."""

IN_WORDS: Final = {
    HTTPStatus.NOT_FOUND: "Nothing was found at this address. /api/docs lists what exists.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This method is not allowed here. The Allow header lists those that are.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is too large.",
}
"""Messages for what the framework refuses."""

NOT_READ_AS_JSON: Final = ("model_attributes_type", "dict_type", "list_type")
"""Validation errors of a body that the framework takes for text because it is not declared as JSON."""

MOST_ERRORS: Final = 20
"""The most errors reported for one request."""

LONGEST_SHOWN: Final = 300
"""The most characters of each name and each error that an answer repeats."""

PROBLEM_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}
PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "The request is invalid or failed: see `detail`.",
        "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}},
    }
}
"""For the OpenAPI description of every route."""


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    errors: Sequence[WrongField] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A response that says what went wrong. ``detail`` is a sentence for a person."""
    body = Problem(title=status.phrase, status=status.value, detail=detail, errors=list(errors) or None)
    return JSONResponse(
        body.model_dump(exclude_none=True), status_code=status.value, headers=headers, media_type=MEDIA_TYPE
    )


def answer_with_problems(api: FastAPI) -> None:
    """Have an app answer every error with a problem."""
    for kind in STATUSES:
        api.add_exception_handler(kind, _known)
    api.add_exception_handler(OSError, _of_system)
    api.add_exception_handler(RequestValidationError, _wrong_fields)
    api.add_exception_handler(HTTPException, _of_http)
    api.add_exception_handler(Exception, _unknown)


def with_problems_in_place_of_text(scope: Scope, receive: Receive, send: Send) -> Send:
    """Return a ``send`` that turns the framework's own plain-text errors into problems."""
    replaced = False

    async def send_on(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and _is_error_in_text(message):
            replaced = True
            status = HTTPStatus(message["status"])
            await problem(status, IN_WORDS.get(status, status.description))(scope, receive, send)
        elif not replaced:
            await send(message)

    return send_on


def _is_error_in_text(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] >= HTTPStatus.BAD_REQUEST and kind.startswith("text/plain")


async def _known(_: Request, error: Exception) -> JSONResponse:
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return problem(status, str(error) or status.description)


async def _of_system(_: Request, error: Exception) -> JSONResponse:
    full_disk = unwritable(cast("OSError", error))
    if full_disk is None:
        raise error
    return problem(HTTPStatus.INSUFFICIENT_STORAGE, str(full_disk))


async def _wrong_fields(request: Request, error: Exception) -> JSONResponse:
    if not _is_json(request) and any(one["type"] in NOT_READ_AS_JSON for one in _errors(error)):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Send the body with the header Content-Type: application/json.")
    errors = _errors(error)
    wrong = [
        WrongField(
            where=str(one["loc"][0]),
            field=".".join(str(shown_name(part)) for part in one["loc"][1:]),
            detail=shown(_detail(one)),
        )
        for one in errors[:MOST_ERRORS]
    ]
    details = "; ".join(f"{one.field or one.where}: {one.detail}" for one in wrong)
    if len(errors) > MOST_ERRORS:
        details += f"; and {len(errors) - MOST_ERRORS:,} more"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The request is invalid. {details}", errors=wrong)


def _detail(wrong: Mapping[str, Any]) -> str:
    pattern = (wrong.get("ctx") or {}).get("pattern")
    return PATTERNS.get(str(pattern)) or wrong_value(wrong)


def _errors(error: Exception) -> Sequence[Any]:
    return cast("RequestValidationError", error).errors()


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    given = cast("HTTPException", error)
    if isinstance(given.__cause__, OSError) and (full_disk := unwritable(given.__cause__, Path(tempfile.gettempdir()))):
        return problem(HTTPStatus.INSUFFICIENT_STORAGE, str(full_disk))  # of a body buffered in a temporary file
    status = HTTPStatus(given.status_code)
    text = str(given.detail)
    detail = IN_WORDS.get(status, status.description) if _is_only_a_name(text) else text
    return problem(status, detail, headers=given.headers)


def _is_only_a_name(text: str) -> bool:
    """Whether the framework's detail only repeats the status, whose names vary with the version of Python."""
    return text.istitle()


async def _unknown(_: Request, __: Exception) -> JSONResponse:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "An unexpected error occurred. See the server log for details.")


def shown_name(part: int | str) -> int | str:
    """A part of a field's name, fit to be shown. A client may have chosen it."""
    return shown(part) if isinstance(part, str) else part


def shown(text: str) -> str:
    """A text, possibly from a client, fit to be shown: of limited length and without lone surrogates, so that JSON in
    UTF-8 can hold it."""
    text = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    return text.encode("utf-8", "replace").decode()
