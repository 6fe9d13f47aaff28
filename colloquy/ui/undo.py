"""Undoes a deletion, on every page and in every tab, for as long as the settings allow."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.attempts import attempt
from colloquy.ui.state import Part
from session_store.models import SessionKey
from session_store.phrases import counted

DISMISSED = "dismissed_deletion"
"""Key in the state of the tab: the deleted sessions for which the user dismissed the undo bar."""


def grace() -> str:
    """Returns a sentence on whether, and for how long, a deletion can be undone."""
    seconds = current().settings.undo_seconds
    if not seconds:
        return "This cannot be undone."
    number, unit = (seconds // 60, "minute") if seconds >= 60 else (seconds, "second")
    return f"You can undo this for {counted(number, unit)}."


def undo_bar(key: str, part: Part, *, noun: str, user_id: str | None = None) -> None:
    """Says how many sessions, of one user or of all, were deleted last, and offers to undo it while that is possible.

    Draws nothing if there are none. ``key`` is the button's key, ``part`` the part that a click redraws, and ``noun``
    the page's word for one session.
    """
    deleted = current().store.sessions.last_deleted(within=current().settings.undo_seconds, user_id=user_id)
    if deleted and set(deleted) == st.session_state.get(DISMISSED):
        return
    st.session_state.pop(DISMISSED, None)
    if not deleted:
        return
    number = len(deleted)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-bar"):
        text = f"Deleted {counted(number, noun)}."
        st.html(f'<span role="status">{text}</span>', width="content")
        st.button("Undo", key=key, type="tertiary", icon=":material/undo:", on_click=_undo, args=(part, deleted))
        st.button(
            "Dismiss",
            key=f"{key}-dismiss",
            type="tertiary",
            icon=":material/close:",
            on_click=_dismiss,
            args=(part, deleted),
        )


def _undo(part: Part, deleted: Sequence[SessionKey]) -> None:
    restored = attempt(lambda: current().restore_sessions(deleted))
    if restored and not any(current().store.sessions.get(key.session_id) for key in deleted):
        state.say("Too late to undo: the deletion is now permanent.", ":material/error:")
        part = Part.PAGE  # the notice shows with the whole page
    state.touch(part)


def _dismiss(part: Part, deleted: Sequence[SessionKey]) -> None:
    st.session_state[DISMISSED] = set(deleted)
    state.touch(part)
