"""All that is served beside the pages, in the order in which it is looked for."""

from __future__ import annotations

from starlette.routing import BaseRoute

from api import live
from api.adk import mounted_adk
from api.app import mounted_api


def routes() -> list[BaseRoute]:
    """The routes for ``st.App``."""
    return [*live.routes, mounted_api(), mounted_adk()]
