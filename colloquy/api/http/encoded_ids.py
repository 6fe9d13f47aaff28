"""IDs in paths may contain slashes, which clients percent-encode.

Servers decode a path before they route it, and an encoded slash would then split it. So it is replaced by a character
that no client can send, a lone surrogate, which does not split the path, and turned back into a slash in the parameters
of the matching route.
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
    """Have routes that are created from now on restore slashes. Paths that did not pass through ``EncodedIds`` are
    unaffected."""
    register_url_convertor("str", _Segment())
    register_url_convertor("path", _Rest())


class EncodedIds:
    """Keeps encoded slashes from splitting the path of a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        raw = scope.get("raw_path", b"").decode("ascii", "replace")
        if "%2f" in raw.lower() and unquote(raw) == scope["path"]:
            path = "/".join(unquote(segment).replace("/", _SLASH) for segment in raw.split("/"))
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)
