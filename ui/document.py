"""The document that a visit of a page begins with: Streamlit's, with the name and color of the app, and where its
server is.

Streamlit's front end connects at once where ``window.__streamlit`` says what it would ask the server for first
(https://github.com/streamlit/streamlit/pull/13342).
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit import config, file_util
from streamlit.url_util import make_url_path

FOLDER: Final = Path(__file__).parent
PAGES: Final = ("", *sorted(page.stem for page in (FOLDER.parent / "pages").glob("[!_]*.py")))
TITLE: Final = "<title>Streamlit</title>"
ICON: Final = "./favicon.png"
FIRST_SCRIPT: Final = '<script type="module"'


def document_routes() -> list[Route]:
    """The routes of all pages, for ``st.App``."""
    document, base = _document(), config.get_option("server.baseUrlPath")

    async def answer(_: Request) -> HTMLResponse:
        return HTMLResponse(document, headers={"Cache-Control": "no-cache"})

    return [Route(make_url_path(base, page), answer) for page in PAGES]


def _document() -> str:
    icon = quote((FOLDER / "icon.svg").read_text(encoding="utf-8"))
    dark = config.get_option("theme.dark.backgroundColor")
    script = (FOLDER / "document.js").read_text(encoding="utf-8")
    head = (
        # Until the front end has drawn a page, the browser would show a white one.
        f"<style>@media (prefers-color-scheme: dark) {{ html {{ background: {dark}; }} }}</style>\n"
        f'<script data-pages="{html.escape(json.dumps(PAGES))}">\n{script}</script>\n'
    )
    document = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    document = document.replace(TITLE, "<title>Colloquy</title>").replace(ICON, f"data:image/svg+xml,{icon}")
    return document.replace(FIRST_SCRIPT, head + FIRST_SCRIPT, 1)
