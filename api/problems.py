"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import JSONResponse


def problem(status: HTTPStatus, detail: str) -> JSONResponse:
    """An answer that says what went wrong. ``detail`` is a sentence for a person."""
    return JSONResponse(
        {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail},
        status_code=status.value,
        media_type="application/problem+json",
    )
