"""ETags: unchanged data need not be sent again, and changed data is not overwritten unseen."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Header
from starlette.responses import Response

from colloquy.api.http.problems import StaleError

IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", description="ETags that the client has. If one is current, the response is a 304."),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match", description="ETag that the client read. If it is no longer current, the response is a 412."
    ),
]

NOT_MODIFIED_RESPONSE: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "The client has it as it is."}
}
"""For the OpenAPI description of routes that answer with 304."""

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def tag_of(*facts: object) -> str:
    """The ETag of a state that these facts describe; other facts give another tag."""
    return f'"{hashlib.sha256(repr(facts).encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'


def not_modified(tag: str, if_none_match: str | None) -> Response | None:
    """A 304 response if the client has the current version, else None."""
    if if_none_match is None or not _names(if_none_match, tag):
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})


def require_match(tag: str, if_match: str | None) -> None:
    """Refuse a change to something that differs from what the client read.

    Raises:
        StaleError: the client sent ETags, and none of them matches.
    """
    if if_match is not None and not _names(if_match, tag):
        raise StaleError("It has changed since you read it. Read it again, then retry.")


def _names(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in _TAG.findall(header)
