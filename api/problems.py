"""Errors as RFC 9457 problem details: what every route answers with when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from google.adk.errors._stale_session_error import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from agents.agent import AgentProblemError
from runtime.confirmation import NothingToAnswerError
from runtime.messages import SessionGoneError
from runtime.results import ResultGoneError
from runtime.turns import SessionBusyError
from session_store.errors import ColloquyError, StoreClosedError, StoreFullError

MEDIA_TYPE = "application/problem+json"


class WrongField(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="The part of the request: body, query, path or header.")
    field: str = Field(description="The field, with dots for what is inside of others; empty for the whole part.")
    detail: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error as RFC 9457 describes it."""

    type: str = Field("about:blank", description="Always about:blank: the status says what kind of problem it is.")
    title: str = Field(description="The name of the status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do about it, in words for a person.")
    errors: list[WrongField] | None = Field(None, description="Where a request has wrong fields: which.")


class NotFoundError(ColloquyError):
    """What the path names is not there."""


class StaleError(ColloquyError):
    """What the client wants to change has changed since the client read it."""


class NotReadyError(ColloquyError):
    """The app cannot serve yet, or no longer."""


class ConflictError(ColloquyError):
    """It cannot be done as things are now."""


class WrongRequestError(ColloquyError):
    """A value in the request that no schema can refuse."""


STATUSES: Final[Mapping[type[Exception], HTTPStatus]] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    SessionGoneError: HTTPStatus.NOT_FOUND,
    SessionNotFoundError: HTTPStatus.NOT_FOUND,
    ResultGoneError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    SessionBusyError: HTTPStatus.CONFLICT,
    NothingToAnswerError: HTTPStatus.CONFLICT,
    StaleSessionError: HTTPStatus.CONFLICT,
    AlreadyExistsError: HTTPStatus.CONFLICT,
    AgentProblemError: HTTPStatus.CONFLICT,
    StaleError: HTTPStatus.PRECONDITION_FAILED,
    StoreClosedError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReadyError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    ColloquyError: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What an error is answered with; the nearest base class counts."""

PROBLEM_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}
PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "Something is wrong with the request, or happened to it: see `detail`.",
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
    """An answer that says what went wrong. ``detail`` is a sentence for a person."""
    told = Problem(title=status.phrase, status=status.value, detail=detail, errors=list(errors) or None)
    return JSONResponse(
        told.model_dump(exclude_none=True), status_code=status.value, headers=headers, media_type=MEDIA_TYPE
    )


def answer_with_problems(api: FastAPI) -> None:
    """Have every error of an app answered with a problem."""
    for kind in STATUSES:
        api.add_exception_handler(kind, _known)
    api.add_exception_handler(RequestValidationError, _wrong_fields)
    api.add_exception_handler(HTTPException, _of_http)
    api.add_exception_handler(Exception, _unknown)


async def _known(_: Request, error: Exception) -> JSONResponse:
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return problem(status, str(error) or status.description)


async def _wrong_fields(_: Request, error: Exception) -> JSONResponse:
    wrong = [
        WrongField(
            where=str(one["loc"][0]), field=".".join(map(_as_name, one["loc"][1:])), detail=_printable(one["msg"])
        )
        for one in cast("RequestValidationError", error).errors()
    ]
    said = "; ".join(f"{one.field or one.where}: {one.detail}" for one in wrong)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The request is not as it should be. {said}", errors=wrong)


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    given = cast("HTTPException", error)
    status = HTTPStatus(given.status_code)
    said = str(given.detail)
    return problem(status, status.description if said == status.phrase else said, headers=given.headers)


async def _unknown(_: Request, __: Exception) -> JSONResponse:
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here that should not. The log of the server says more."
    )


def _as_name(part: int | str) -> str:
    return _printable(str(part))


def _printable(text: str) -> str:
    """A text that JSON in UTF-8 can hold: what a client sent may have halves of characters."""
    return text.encode("utf-8", "replace").decode()
