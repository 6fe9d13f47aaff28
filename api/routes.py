"""All that is served beside the pages, in the order in which it is looked for."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount

from api import adk, live
from api.app import mounted_api


def routes() -> list[BaseRoute]:
    """The routes for ``st.App``."""
    return [*live.routes, mounted_api(), Mount(adk.PREFIX, adk.adk_app())]
