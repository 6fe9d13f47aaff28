"""All that is served beside the pages, in the order in which it is looked for."""

from __future__ import annotations

from starlette.routing import BaseRoute

from api.adk import mounted_adk
from api.app import mounted_api
from api.live import live_route


def routes(base: str = "") -> list[BaseRoute]:
    """The routes for ``st.App``, below the path ``base`` that all of Colloquy is served at."""
    base = f"/{base.strip('/')}".rstrip("/")
    return [live_route(base), mounted_api(base), mounted_adk(base)]
