"""Colloquy with the scripted model, for tests in the browser: ``streamlit run tests/support/scripted_app.py``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import streamlit as st
from streamlit import config

from api.routes import routes
from api.security import security_headers
from tests.support.scripted import ScriptedModels
from ui.document import document_routes, front_end_scripts
from ui.hosts import known_hosts
from ui.server import serve

app = st.App(
    **serve(ScriptedModels()),
    routes=[*document_routes(), *routes(config.get_option("server.baseUrlPath"))],
    middleware=[security_headers, known_hosts, front_end_scripts],
)
