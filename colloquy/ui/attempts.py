"""What a click sets off and may be refused."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from colloquy.ui.formatting import plain_markdown
from session_store.errors import ColloquyError


def attempt(act: Callable[[], object]) -> bool:
    """Do something that may be refused. Says why in a toast; returns whether it was done."""
    try:
        act()
    except ColloquyError as error:
        st.toast(plain_markdown(str(error)), icon=":material/error:")
        return False
    return True
