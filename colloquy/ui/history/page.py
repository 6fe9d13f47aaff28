"""The history page: the list of all conversations, or a transcript."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from colloquy.ui import state
from colloquy.ui.formatting import plain_markdown
from colloquy.ui.history.filter_bar import reset
from colloquy.ui.history.links import BESIDE, MESSAGE
from colloquy.ui.history.listing import listing
from colloquy.ui.history.reader import reader
from session_store.errors import ColloquyError

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def history_page() -> None:
    """Draws the page that its URL describes."""
    st.html(f"<i></i><style>{STYLE}</style>")
    given = st.query_params
    try:
        if session_id := given.get(state.SESSION):
            reader(session_id, given.get(MESSAGE), given.get(BESIDE), given.get("text", ""))
        else:
            listing()
    except ColloquyError as error:
        st.error(plain_markdown(str(error)))
        st.button("All chats", key="history-reset", icon=":material/filter_alt_off:", on_click=reset)
