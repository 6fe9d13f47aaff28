"""Colloquy with the scripted model, for browser tests: ``streamlit run tests/support/scripted_app.py``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config

from colloquy.api.http.security import OwnPagesOnly, security_headers
from colloquy.api.routes import routes
from colloquy.ui.served.document import document_routes, front_end_scripts
from colloquy.ui.served.hosts import is_host_allowed, other_origins
from colloquy.ui.served.server import serve
from tests.support.scripted import ScriptedModels

app = st.App(
    **serve(ScriptedModels()),
    routes=[*document_routes(), *routes(config.get_option("server.baseUrlPath"))],
    middleware=[
        security_headers,
        Middleware(OwnPagesOnly, is_known_host=is_host_allowed, other_origins=other_origins),
        front_end_scripts,
    ],
)
