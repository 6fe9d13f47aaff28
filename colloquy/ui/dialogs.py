"""The open dialog. It is drawn with the whole page, so it stays open while parts of the page are redrawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, ParamSpec

import streamlit as st

from colloquy.ui import state
from colloquy.ui.state import Part

P = ParamSpec("P")

OPEN: Final = "open_dialog"
"""Key in the state of the tab: the page that the dialog was opened on, and the function that draws it."""


def show(dialog: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Opens a dialog, which stays until ``close``. For callbacks; ``dialog`` must have ``on_dismiss=close``."""
    st.session_state[OPEN] = st.session_state[state.PAGE], partial(dialog, *args, **kwargs)
    state.touch(Part.PAGE)


def close() -> None:
    """Closes the dialog. For callbacks; inside the dialog, call ``state.rerun()`` afterwards."""
    st.session_state.pop(OPEN, None)
    state.touch(Part.PAGE)


def draw_open_dialog() -> None:
    """Draws the dialog that is open on this page, if any, and closes one that was opened on another page."""
    page, draw = st.session_state.get(OPEN, ("", None))
    if draw is None:
        return
    if page == st.session_state[state.PAGE]:
        draw()
    else:
        st.session_state.pop(OPEN)
