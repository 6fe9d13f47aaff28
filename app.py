"""Colloquy as an ASGI app: ``streamlit run app.py``."""

import os
import sys
from pathlib import Path

# Read when Arrow is first imported: of the memory of large results, its usual allocator would give back next to none.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
sys.path.insert(0, str(Path(__file__).parent))  # pages import the packages beside this file, wherever it is started

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config

from colloquy.api.http.security import OwnPagesOnly, security_headers
from colloquy.api.routes import routes
from colloquy.compat.streamlit_server import BinaryFrames
from colloquy.compat.streamlit_uploads import MIB, keep_uploads_within, release_uploads_of_closed_pages
from colloquy.runtime.application import current
from colloquy.runtime.memory import return_large_blocks
from colloquy.ui.served.document import document_routes, front_end_scripts
from colloquy.ui.served.hosts import is_host_allowed, other_origins
from colloquy.ui.served.server import serve


def uploads_of_a_page() -> int:
    """Bytes of files that a page may hold: the largest file to import, and those of two messages."""
    return MIB * (int(config.get_option("server.maxUploadSize")) + 2 * current().settings.attachment_mb)


return_large_blocks()
keep_uploads_within(uploads_of_a_page)
release_uploads_of_closed_pages()

app = st.App(
    **serve(),
    routes=[*document_routes(), *routes(config.get_option("server.baseUrlPath"))],
    middleware=[
        security_headers,
        Middleware(OwnPagesOnly, is_known_host=is_host_allowed, other_origins=other_origins),
        Middleware(BinaryFrames),
        front_end_scripts,
    ],
)
