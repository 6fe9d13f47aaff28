"""Under which names the app answers: a site can have a name of its own lead to this machine (DNS rebinding)."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

ADDRESS: Final = "server.address"
HOSTS: Final = "server.allowedHosts"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def listens_on_loopback() -> bool:
    """Whether nobody but this machine reaches the app."""
    address = str(config.get_option(ADDRESS) or "")
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address in LOOPBACK


def expect_known_hosts() -> None:
    """Where the app listens on this machine only, have Streamlit accept the names of this machine, and those that
    somebody set: of a proxy in front of the app."""
    if listens_on_loopback():
        known = (*LOOPBACK, "*.localhost", config.get_option(ADDRESS))
        config.set_option(HOSTS, [*config.get_option(HOSTS), *known])


class KnownHostsOnly:
    """Refuses requests for other hosts than those that Streamlit accepts for its own connections.

    To the browser, the page of a site whose name leads here is a page of Colloquy: it may read every answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "http" and not is_host_allowed(host := Headers(scope=scope).get("host")):
            refusal = PlainTextResponse(
                f"Colloquy does not answer under the name {host!r}: another site could read your chats through it.\n"
                f"If the name is yours, add it to allowedHosts below [server] in .streamlit/config.toml.\n",
                HTTPStatus.MISDIRECTED_REQUEST,
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


known_hosts = Middleware(KnownHostsOnly)
