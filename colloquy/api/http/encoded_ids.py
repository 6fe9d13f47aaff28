"""Ids in paths may have slashes, percent-encoded as clients send them.

Servers decode a path before anything is looked for in it, and an encoded slash would then divide it. So here it becomes
a sign that no client can send, half of a character, which does not divide, and a slash again in the parameters of the
route that was found.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from starlette.convertors import PathConvertor, StringConvertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH: Final = "\udc2f"


class _Segment(StringConvertor):
    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")


class _Rest(PathConvertor):
    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")


def keep_encoded_slashes() -> None:
    """Have routes that are made from now on give slashes back. Where no path went through ``EncodedIds``, they do as
    ever."""
    register_url_convertor("str", _Segment())
    register_url_convertor("path", _Rest())


class EncodedIds:
    """Keeps encoded slashes from dividing the path of a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        raw = scope.get("raw_path", b"").decode("ascii", "replace")
        if "%2f" in raw.lower() and unquote(raw) == scope["path"]:
            path = "/".join(unquote(segment).replace("/", _SLASH) for segment in raw.split("/"))
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)
