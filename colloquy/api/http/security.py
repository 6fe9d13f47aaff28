"""Keeps other sites out: a browser lets their pages send requests and open WebSockets to this machine, too. And says
what our pages may load."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOREIGN_SITES: Final = ("cross-site", "same-site")
"""The values of ``Sec-Fetch-Site`` for requests from another site, or from another port of this machine."""

OF_THE_API: Final = ("/api", "/adk", "/run_turn", "/sessions")

FOR_PROGRAMS: Final = (*OF_THE_API, "/_stcore", "/media", "/component")
"""Paths that are not pages: no link from another site leads to them."""

DOCUMENTATION: Final = "/api/docs"
"""A page among these paths, to which links may lead."""

POLICY_VIOLATION: Final = 1008
"""The code that closes a WebSocket (RFC 6455, 7.4.1). Servers answer 403 if the WebSocket was never accepted."""

_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEMES: Final = {"ws": "http", "wss": "https"}

Origin = tuple[str, str, int | None]
"""Scheme, host and port."""

POLICY = (
    "default-src 'self'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; "
    "frame-ancestors 'self'"
)
"""Streamlit's front end needs inline and evaluated scripts; but neither it nor a model's answer may load anything from
another host, or send anything to one."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class OwnPagesOnly:
    """Serves only Colloquy's own pages and programs: every request and WebSocket of the app passes through here first.

    A page of another site has a different origin, and so does another port. A site whose *name* resolves to this
    machine (DNS rebinding) has the same origin as the app, and is recognized by the name. Programs send no origin.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_known_host: Callable[[str | None], bool],
        other_origins: Callable[[], Collection[str]],
    ) -> None:
        """Guard ``app``, which is reached under hosts that ``is_known_host`` accepts.

        ``other_origins`` are trusted in addition to the origin that a request was sent to, for instance
        ``https://example.com`` for a proxy that sends another host.
        """
        self._app = app
        self._is_known_host = is_known_host
        self._other_origins = other_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse one request or connection."""
        refusal = self._refusal(scope) or _leads_nowhere(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "Forbidden"})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origins = headers.get("host"), headers.getlist("origin")
        if not self._is_known_host(host):
            return _refused(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"Colloquy does not answer under the name {host!r}: another site could read your chats through it. If "
                "the name is yours, add it to allowedHosts below [server] in .streamlit/config.toml.",
            )
        if not origins:
            if headers.get("sec-fetch-site") in FOREIGN_SITES and not _follows_link(scope, headers):
                return _refused(HTTPStatus.FORBIDDEN, "Colloquy answers its own pages and programs, not other sites.")
            return None
        scheme: str = scope["scheme"]
        trusted = {_origin(f"{_SCHEMES.get(scheme, scheme)}://{host}")}
        trusted |= {_origin(other.rstrip("/")) for other in self._other_origins()}
        stranger = next((origin for origin in origins if _origin(origin) not in trusted - {None}), None)
        if stranger is not None:
            return _refused(
                HTTPStatus.FORBIDDEN,
                f"Colloquy answers its own pages and programs, not the page of {stranger!r}. If a proxy serves "
                "Colloquy there, have it send Host and X-Forwarded-Proto, or add the origin to corsAllowedOrigins "
                "below [server] in .streamlit/config.toml.",
            )
        return None


def _refused(status: HTTPStatus, detail: str) -> Response:
    from colloquy.api.http.problems import problem  # noqa: PLC0415 - it imports FastAPI, which must not delay the start

    return problem(status, detail)


def _leads_nowhere(scope: Scope) -> Response | None:
    """The response to a path with a ``..`` segment or NUL, which no ID of the API contains. Streamlit, through which
    every request passes, refuses such paths without a message, in case they lead to files."""
    path: str = scope["path"]
    is_odd = "\0" in path or ".." in path.replace("\\", "/").split("/")
    if not is_odd or scope["type"] != "http" or not any(f"{start}/" in path for start in OF_THE_API):
        return None
    return _refused(HTTPStatus.NOT_FOUND, "Nothing can have this address: a part of it is '..' or contains NUL.")


def _follows_link(scope: Scope, headers: Headers) -> bool:
    """Whether the user follows a link from another site: that page is replaced and cannot read ours."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and not any(f"{start}/" in f"{path.removesuffix(DOCUMENTATION)}/" for start in FOR_PROGRAMS)
    )


def _origin(url: str) -> Origin | None:
    """Parse an origin written exactly as browsers write it; None for anything else, even if some parsers would accept
    it."""
    found = _ORIGIN.fullmatch(url.lower())
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else _DEFAULT_PORTS.get(found["scheme"])
    return found["scheme"], found["host"], port


class SecurityHeaders:
    """Adds ``HEADERS`` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


security_headers = Middleware(SecurityHeaders)
