"""Actions triggered by a click that the application may refuse."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from colloquy.ui.formatting import plain_markdown
from session_store.errors import ColloquyError


def attempt(act: Callable[[], object]) -> bool:
    """Calls ``act``. If it is refused, says why in a toast; returns whether it succeeded."""
    try:
        act()
    except ColloquyError as error:
        st.toast(plain_markdown(str(error)), icon=":material/error:")
        return False
    return True
