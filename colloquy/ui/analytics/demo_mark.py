"""The badge on every page that shows generated conversations."""

from __future__ import annotations

import streamlit as st

from colloquy.demo import is_demo
from colloquy.runtime.application import current


def demo_mark() -> None:
    """Draws a badge; nothing in a data folder of real conversations."""
    if is_demo(current().store):
        st.badge("Demo data (generated chats)", icon=":material/science:", color="orange")
