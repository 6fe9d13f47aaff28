"""The way back from a deletion, on every page, for as long as nothing else was deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from runtime.workbench import current
from session_store.models import SessionKey
from ui import state
from ui.state import Part

DELETED: Final = "deleted"


def grace() -> str:
    """Whether and how long a deletion can be taken back, as a sentence."""
    seconds = current().settings.undo_seconds
    if not seconds:
        return "This cannot be undone."
    number, unit = (seconds // 60, "minute") if seconds >= 60 else (seconds, "second")
    return f"You can undo this for {number} {unit}{'' if number == 1 else 's'}."


def remember(deleted: Sequence[SessionKey]) -> None:
    """These sessions were deleted just now."""
    st.session_state[DELETED] = list(deleted) if current().settings.undo_seconds else []


def undo_bar(key: str, part: Part, *, noun: str) -> None:
    """Says how many sessions were deleted last, and offers them back; nothing where there are none.

    ``key`` is that of the button, ``part`` what a click draws anew, and ``noun`` what the page calls one session.
    """
    deleted: list[SessionKey] = st.session_state.get(DELETED, [])
    if not deleted:
        return
    number = len(deleted)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-bar"):
        st.markdown(f"Deleted {number:,} {noun}{'' if number == 1 else 's'}.", width="content")
        st.button("Undo", key=key, type="tertiary", icon=":material/undo:", on_click=_undo, args=(part,))


def _undo(part: Part) -> None:
    current().restore_sessions(st.session_state.pop(DELETED, []))
    state.touch(part)
