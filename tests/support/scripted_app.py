"""Colloquy with the scripted model, for tests in the browser: ``streamlit run tests/support/scripted_app.py``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import streamlit as st

from api import agents, live, results
from api.security import security_headers
from tests.support.scripted import ScriptedModels
from ui.server import serve

app = st.App(
    **serve(ScriptedModels()), routes=[*agents.routes, *live.routes, *results.routes], middleware=[security_headers]
)
