"""Actions triggered by a click that the application may refuse."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from colloquy.ui.formatting import plain_markdown
from session_store.errors import ColloquyError


def _toast(text: str, icon: str) -> None:
    st.toast(plain_markdown(text), icon=icon)


def attempt(act: Callable[[], object], *, notify: Callable[[str, str], None] = _toast) -> bool:
    """Calls ``act``. If it is refused, says why; returns whether it succeeded.

    ``notify`` shows a plain text with an icon: a toast, or in a dialog, which a toast would break, ``state.say``.
    """
    try:
        act()
    except ColloquyError as error:
        notify(str(error), ":material/error:")
        return False
    return True
