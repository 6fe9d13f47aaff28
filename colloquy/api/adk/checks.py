"""Refuses up front what ADK's server would accept but could then not store or return.

Refusals raise ADK's own InputValidationError, which its server answers with 400.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from google.adk.errors.input_validation_error import InputValidationError
from google.genai import types
from pydantic_core import PydanticSerializationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_FOLDER: Final = re.compile(r"(^|[/\\])\.{1,2}([/\\]|$)")

LONGEST_NAME = 200
"""The most bytes of a name that becomes a file or folder name: with what is added to it, systems accept no more."""

BAD_NAME = f"A name has more than {LONGEST_NAME} bytes, or characters that no file can have in its name."


class PlainPaths:
    """Refuses paths with names that no file can have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and not all(map(_is_plain, scope["path"].split("/"))):
            await JSONResponse({"detail": BAD_NAME}, HTTPStatus.BAD_REQUEST)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def check_name(name: str) -> None:
    """Refuse a name that no file can have.

    Raises:
        InputValidationError
    """
    if not all(map(_is_plain, name.split("/"))):
        raise InputValidationError(BAD_NAME)


def check_id(what: str, name: str) -> None:
    """Refuse an ID that no URL can address: browsers and servers treat dots between slashes as folders. ``what`` names
    the kind of object that the ID belongs to.

    Raises:
        InputValidationError
    """
    check_name(name)
    if _FOLDER.search(name.strip()):
        raise InputValidationError(f"A {what} id must not be '.' or '..', nor contain one of them between slashes.")


def check_state(state: Mapping[str, Any] | None) -> None:
    """Refuse values that are not valid JSON, which could not be returned to clients.

    Raises:
        InputValidationError
    """
    try:
        json.dumps(state, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:  # UnicodeEncodeError is a ValueError, too
        raise InputValidationError(
            "State must not contain NaN, infinite numbers, or invalid characters (unpaired surrogates)."
        ) from error


def check_content(content: types.Content | None) -> None:
    """Refuse a message with unpaired surrogates. Raises InputValidationError."""
    try:
        if content:
            content.model_dump_json()
    except PydanticSerializationError as error:
        raise InputValidationError("A message must not contain invalid characters (unpaired surrogates).") from error


def check_message(content: types.Content) -> None:
    """Refuse a message that cannot be sent to an agent. Raises InputValidationError."""
    check_content(content)
    parts = content.parts or []
    if any(part.function_call for part in parts):
        raise InputValidationError("A message must not contain function calls.")
    if any(part.text for part in parts) and any(part.function_response and part.function_response.id for part in parts):
        raise InputValidationError(
            "A message has either the responses of functions, which continue a turn, or a text, which begins one."
        )


def _is_plain(name: str) -> bool:
    return "\0" not in name and len(name.encode(errors="replace")) <= LONGEST_NAME
