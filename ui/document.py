"""The document that a visit of a page begins with: Streamlit's, with the name and color of the app, and where its
server is.

Streamlit's front end connects at once where ``window.__streamlit`` says what it would ask the server for first
(https://github.com/streamlit/streamlit/pull/13342).
"""

from __future__ import annotations

import html
import json
from collections.abc import Awaitable, Callable, Sequence
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
STATIC: Final = Path(file_util.get_static_dir())
TITLE: Final = "<title>Streamlit</title>"
ICON: Final = "./favicon.png"
FIRST_SCRIPT: Final = '<script type="module"'
AHEAD: Final = {"analytics": ("ArrowVegaLiteChart",)}
"""Parts of the front end that a page needs as soon as its data is there."""


def document_routes() -> list[Route]:
    """The routes of all pages, for ``st.App``."""
    base = config.get_option("server.baseUrlPath")
    return [Route(make_url_path(base, page), _answering(_document(page))) for page in PAGES]


def _answering(document: str) -> Callable[[Request], Awaitable[HTMLResponse]]:
    async def answer(_: Request) -> HTMLResponse:
        return HTMLResponse(document, headers={"Cache-Control": "no-cache"})

    return answer


def _document(page: str) -> str:
    icon = quote((FOLDER / "icon.svg").read_text(encoding="utf-8"))
    dark = config.get_option("theme.dark.backgroundColor")
    head = (
        # Until the front end has drawn a page, the browser would show a white one.
        f"<style>@media (prefers-color-scheme: dark) {{ html {{ background: {dark}; }} }}\n"
        f"{(FOLDER / 'frame.css').read_text(encoding='utf-8')}</style>\n"
        + _script("document.js", PAGES)
        + _script("typing.js", [page])
        + _script("focus.js", ())
        + (_script("ahead.js", _ahead(page)) if page in AHEAD else "")
    )
    document = (STATIC / "index.html").read_text(encoding="utf-8")
    document = document.replace(TITLE, "<title>Colloquy</title>").replace(ICON, f"data:image/svg+xml,{icon}")
    return document.replace(FIRST_SCRIPT, head + FIRST_SCRIPT, 1)


def _script(name: str, data: Sequence[str]) -> str:
    script = (FOLDER / name).read_text(encoding="utf-8")
    return f'<script data-told="{html.escape(json.dumps(data))}">\n{script}</script>\n'


def _ahead(page: str) -> list[str]:
    """The addresses of the scripts in which the parts are that a page needs. Their names end with a hash."""
    found = [path for part in AHEAD[page] for path in STATIC.glob(f"static/js/{part}.*.js")]
    return [f"./{path.relative_to(STATIC).as_posix()}" for path in found]
