"""Removes chats that are neither saved nor recently active, after a preview of how many there are."""

from __future__ import annotations

from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.runtime.retention import RetentionPreview
from colloquy.ui import dialogs, state
from colloquy.ui.attempts import attempt
from colloquy.ui.formatting import label, local
from colloquy.ui.state import Part
from colloquy.ui.undo import grace, undo_bar
from session_store.limits import MOST_RETENTION_DAYS
from session_store.models import SessionKey
from session_store.phrases import counted, day_text

DAYS: Final = 90


def retention_section() -> None:
    """Draws how many chats have been inactive for the chosen number of days, and the button that removes them."""
    st.header("Tidy up", anchor=False)
    setting = current().settings.retention_days
    by_itself = (
        f"Colloquy does this automatically after {counted(setting, 'day')} (COLLOQUY_RETENTION_DAYS)."
        if setting
        else "Automatic removal is off (COLLOQUY_RETENTION_DAYS is 0)."
    )
    st.caption(f"Remove unsaved chats that have been inactive for a while. {by_itself} Saved chats are never removed.")
    days = st.number_input(
        "Inactive for (days)",
        min_value=1,
        max_value=MOST_RETENTION_DAYS,
        value=setting or DAYS,
        step=1,
        key="retention-days",
    )
    found = current().retention_preview(days)
    _preview(found)
    if found.count:
        st.button(
            f"Remove {counted(found.count, 'chat')}",
            key="remove",
            icon=":material/delete:",
            on_click=dialogs.show,
            args=(_ask, days, found.count),
        )
    undo_bar("undo-remove", Part.PAGE, noun="chat", user_id=current().settings.user)


def _preview(found: RetentionPreview) -> None:
    if not found.count or found.oldest is None:
        st.markdown("No chats will be removed.")
        return
    st.markdown(f"{counted(found.count, 'chat')} will be removed, the oldest from {day_text(local(found.oldest))}.")
    shown = "\n".join(
        f"- {label(one.title) or 'New chat'} · {day_text(local(one.updated_at))}" for one in found.examples
    )
    st.markdown(shown + ("\n- …" if found.count > len(found.examples) else ""))


@st.dialog("Remove?", icon=":material/delete:", on_dismiss=dialogs.close)
def _ask(days: int, count: int) -> None:
    st.markdown(
        f"Remove {counted(count, 'chat')} inactive for {counted(days, 'day')}, and everything in them? {grace()}"
    )
    with st.container(horizontal=True):
        removed = st.button("Remove", key="confirm-remove", type="primary", on_click=_remove, args=(days,))
        cancelled = st.button("Cancel", key="cancel-remove", on_click=dialogs.close)
        if removed or cancelled:
            state.rerun()


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _remove(days: int) -> None:
    removed: list[SessionKey] = []
    if attempt(lambda: removed.extend(current().remove_untouched(days))):
        state.say(f"Removed {counted(len(removed), 'chat')}", ":material/delete:")
    dialogs.close()
