"""The actions on the messages of a chat: edit one of your own, switch to another version of it, branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.attempts import attempt
from colloquy.ui.components import Actions
from colloquy.ui.state import Part
from session_store.limits import LONGEST_MESSAGE
from session_store.models import SessionKey, Turn
from session_store.transcripts.transcript import Message

PERSON = ":material/person:"
EDIT, BRANCH = "Edit", "Branch"
EDITING = "editing"
"""Key in the state of the tab: the turn whose message is being edited."""


def message_actions(
    key: SessionKey, message: Message, turn: Turn | None, versions: Mapping[str, tuple[str, ...]]
) -> Actions:
    """Returns the actions on a message. ``versions`` come from ``store.turns.versions``."""

    def do(action: str) -> None:
        if action == EDIT:
            edit(message.turn_id)
        else:
            _branch(key, message.id)

    if not message.is_user or turn is None:
        return Actions((BRANCH,), do)
    mine = versions.get(turn.id, (turn.id,))
    return Actions((EDIT, BRANCH), do, mine.index(turn.id) + 1, len(mine), partial(_show, mine))


def editing() -> str | None:
    """Returns the id of the turn whose message is being edited."""
    turn_id: str | None = st.session_state.get(EDITING)
    return turn_id


def edit(turn_id: str | None) -> None:
    """Opens the message of a turn in the edit form; with None, closes the form without a change."""
    st.session_state[EDITING] = turn_id
    state.touch(Part.PAGE)


def edit_form(message: Message, turn: Turn) -> None:
    """Draws a form in which the user edits a message and sends it again."""
    with st.chat_message("user", avatar=PERSON), st.form(f"edit-form-{turn.id}", border=False):
        st.text_area(
            "Message",
            value=message.text,
            max_chars=max(LONGEST_MESSAGE, len(message.text)),
            key=f"edited-{turn.id}",
            label_visibility="collapsed",
        )
        with st.container(horizontal=True):
            st.form_submit_button(
                "Send again", key=f"again-{turn.id}", type="primary", on_click=_send_again, args=(turn,)
            )
            st.form_submit_button("Cancel", key=f"leave-{turn.id}", type="tertiary", on_click=edit, args=(None,))


def _send_again(turn: Turn) -> None:
    if editing() != turn.id:
        return  # a second click on the button
    text = st.session_state[f"edited-{turn.id}"]
    if attempt(lambda: current().turns.replace(turn, text)):
        st.session_state.sent = st.session_state.get("sent", 0) + 1
        edit(None)


def _show(versions: Sequence[str], number: int) -> None:
    turn = current().store.turns.get(versions[number - 1])
    if turn and attempt(lambda: current().turns.show(turn)):
        state.touch(Part.PAGE)


def _branch(key: SessionKey, event_id: str) -> None:
    def branch() -> None:
        state.open_session(current().branch_session(key, event_id).key.session_id)
        state.touch(Part.PAGE)

    attempt(branch)
