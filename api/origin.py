"""Keeps the pages of other sites out: browsers let them ask this machine, too."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem

FOREIGN_SITES = ("cross-site", "same-site")
"""Values of ``Sec-Fetch-Site`` with which browsers say that another site asks, or another port of this machine."""


class OwnSiteOnly:
    """Refuses requests that the page of another site made. Programs, which name no origin, are let in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "http" and from_elsewhere(scope["headers"]):
            refusal = problem(HTTPStatus.FORBIDDEN, "Colloquy answers its own pages and programs, not other sites.")
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def from_elsewhere(raw_headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the headers of a request say that the page of another site makes it."""
    headers = Headers(raw=list(raw_headers))
    origin = headers.get("origin")
    if origin is not None and not _is_same(origin, headers.get("host")):
        return True
    return headers.get("sec-fetch-site") in FOREIGN_SITES


def _is_same(origin: str, host: str | None) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:  # brackets that do not close
        return False
