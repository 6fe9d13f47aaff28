"""The HTML document that a visit begins with: Streamlit's own, with the app's name, color and server location.

Streamlit's front end connects at once if ``window.__streamlit`` holds what it would otherwise first ask the server for
(https://github.com/streamlit/streamlit/pull/13342).
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, file_util
from streamlit.url_util import make_url_path

from colloquy.compat.streamlit_server import STATIC_ASSET_CACHE_MAX_AGE_SECONDS

FOLDER: Final = Path(__file__).parent
PAGES: Final = ("", *sorted(page.stem for page in (FOLDER.parents[2] / "pages").glob("[!_]*.py")))
STATIC: Final = Path(file_util.get_static_dir())
TITLE: Final = "<title>Streamlit</title>"
ICON: Final = "./favicon.png"
FIRST_SCRIPT: Final = '<script type="module"'
HEAD_END: Final = "</head>"
ICON_FONT: Final = next(path.name for path in STATIC.glob("static/media/MaterialSymbols-Rounded.*.woff2"))
SCRIPTS: Final = {path.name: path for path in (STATIC / "static" / "js").glob("*.js")}
KEPT: Final = {"Cache-Control": f"public, immutable, max-age={STATIC_ASSET_CACHE_MAX_AGE_SECONDS}"}
"""For files whose names change with their content."""
IMPORTED: Final = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')
WITH_DOCUMENT: Final = {
    "": ("Html", "BidiComponent", "Button", "ButtonGroup", "MenuButton", "TextInput", "Selectbox", "ChatInput")
}
"""The front-end modules that a page uses. Preloaded, they are ready when the first words arrive; otherwise the browser
would only then begin to fetch them."""

ASSETS: Final = {"codemirror.js": FOLDER.parent / "sql" / "codemirror.js"}
"""Our own scripts that are too large to send with each run of a page."""

PRELOADED: Final = {"analytics": ("ArrowVegaLiteChart",)}
"""The front-end modules that a page needs as soon as its data is there."""


def document_routes() -> list[Route]:
    """Returns the routes of all pages and of the scripts that they load, for ``st.App``."""
    base = config.get_option("server.baseUrlPath")
    pages = [Route(make_url_path(base, page), _answering(_document(page))) for page in PAGES]
    scripts = [Route(make_url_path(base, asset_url(name)[2:]), _answering_script(ASSETS[name])) for name in ASSETS]
    return [*pages, *scripts]


@cache
def asset_url(name: str) -> str:
    """Returns the URL of one of ``ASSETS``. It changes with the file's content, so that browsers may cache the file."""
    content = ASSETS[name].read_bytes()
    return f"./assets/{Path(name).stem}.{hashlib.sha256(content).hexdigest()[:12]}.js"


def _answering_script(path: Path) -> Callable[[Request], Awaitable[Response]]:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0)

    async def answer(request: Request) -> Response:
        headers = KEPT | {"Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, headers=headers | {"Content-Encoding": "gzip"}, media_type="text/javascript")
        return Response(content, headers=headers, media_type="text/javascript")

    return answer


def _answering(document: str) -> Callable[[Request], Awaitable[HTMLResponse]]:
    async def answer(_: Request) -> HTMLResponse:
        return HTMLResponse(document, headers={"Cache-Control": "no-cache"})

    return answer


class FrontEndScripts:
    """Serves the scripts of the front end. A first visit requests more than a hundred of them, most of them small;
    Streamlit would go through a thread several times for each."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._folder = make_url_path(config.get_option("server.baseUrlPath"), "static/js")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or passes it on to the app."""
        if scope["type"] == "http" and scope["method"] == "GET":
            folder, _, name = scope["path"].rpartition("/")
            if folder == self._folder and name in SCRIPTS:
                await Response(SCRIPTS[name].read_bytes(), media_type="text/javascript", headers=KEPT)(
                    scope, receive, send
                )
                return
        await self._app(scope, receive, send)


front_end_scripts = Middleware(FrontEndScripts)


def _document(page: str) -> str:
    icon = quote((FOLDER / "icon.svg").read_text(encoding="utf-8"))
    dark = config.get_option("theme.dark.backgroundColor")
    head = (
        # The background is set here because the browser would show a white page until the front end has drawn one.
        f'<link rel="preload" href="./static/media/{ICON_FONT}" as="font" type="font/woff2" crossorigin>\n'
        f"<style>@media (prefers-color-scheme: dark) {{ html {{ background: {dark}; }} }}\n"
        f"{(FOLDER / 'frame.css').read_text(encoding='utf-8')}</style>\n"
        + _script("document.js", PAGES)
        + _script("typing.js", [page])
        + _script("focus.js", ())
        + _script("direction.js", ())
        + (_script("preload.js", _preloaded(page)) if page in PRELOADED else "")
    )
    document = (STATIC / "index.html").read_text(encoding="utf-8")
    document = document.replace(TITLE, "<title>Colloquy</title>").replace(ICON, f"data:image/svg+xml,{icon}")
    document = document.replace(FIRST_SCRIPT, head + FIRST_SCRIPT, 1)
    already_there = {name for name in SCRIPTS if name in document}
    links = (
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">\n'
        for name in _with_imports(_parts(WITH_DOCUMENT.get(page, ())))
        if name not in already_there
    )
    return document.replace(HEAD_END, "".join(links) + HEAD_END, 1)


def _script(name: str, data: Sequence[str]) -> str:
    script = (FOLDER / name).read_text(encoding="utf-8")
    return f'<script data-told="{html.escape(json.dumps(data))}">\n{script}</script>\n'


def _preloaded(page: str) -> list[str]:
    """Returns the URLs of the scripts that contain the front-end modules a page needs."""
    return [f"./static/js/{name}" for name in _parts(PRELOADED[page])]


def _parts(parts: Sequence[str]) -> list[str]:
    """Returns the names of the scripts that contain these front-end modules. They end with a hash."""
    return [name for part in parts for name in SCRIPTS if re.fullmatch(rf"{part}\.[^.]+\.js", name)]


def _with_imports(names: Iterable[str]) -> list[str]:
    """Returns the scripts, followed by those that they import, and so on."""
    found = dict.fromkeys(names)
    for name in (waiting := list(found)):
        for imported in IMPORTED.findall(SCRIPTS[name].read_text(encoding="utf-8")):
            if imported in SCRIPTS and imported not in found:
                found[imported] = None
                waiting.append(imported)
    return list(found)
