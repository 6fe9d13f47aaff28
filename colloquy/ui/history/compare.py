"""The dialog that chooses a second conversation to read beside the first."""

from __future__ import annotations

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.formatting import label, short_time
from colloquy.ui.history import links
from colloquy.ui.history.view import view_of_url
from session_store.history.models import HistoryFilter
from session_store.limits import LONGEST_SEARCH
from session_store.models import SessionKey

CHOICES = 8


@st.dialog("Compare chats", icon=":material/splitscreen_right:", on_dismiss=dialogs.close)
def compare_dialog(key: SessionKey) -> None:
    """Asks which conversation to read beside this one."""
    text = st.text_input(
        "Search",
        key="history-compare-text",
        type="search",
        max_chars=LONGEST_SEARCH,
        placeholder="Words in the other chat",
    )
    found = current().store.list_history(HistoryFilter(text=(text or "").strip()), limit=CHOICES + 1).items
    others = [row for row in found if row.key != key][:CHOICES]
    for row in others:
        if st.button(
            f"{label(row.title or 'New chat')} :gray[· {short_time(row.updated_at)}]",
            key=f"beside-{row.key.session_id}",
            type="tertiary",
            on_click=_read,
            args=(key.session_id, row.key.session_id),
        ):
            state.rerun()
    if not others:
        st.caption("Nothing found. Try different words." if text else "There are no other chats yet.")


def _read(session_id: str, beside: str) -> None:
    dialogs.close()
    links.show(links.reader_parameters(session_id, beside=beside, view=view_of_url()))
