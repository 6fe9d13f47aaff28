"""What can be done with the messages of a chat: edit one of one's own, go to another version of it, branch."""

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
"""Key in the state of the tab: the turn whose message is in a form."""


def message_actions(
    key: SessionKey, message: Message, turn: Turn | None, versions: Mapping[str, tuple[str, ...]]
) -> Actions:
    """What can be done with a message. ``versions`` are those of ``Store.versions``."""

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
    """The turn whose message is in a form."""
    turn_id: str | None = st.session_state.get(EDITING)
    return turn_id


def edit(turn_id: str | None) -> None:
    """Put the message of a turn into a form; with None, leave it as it is."""
    st.session_state[EDITING] = turn_id
    state.touch(Part.PAGE)


def edit_form(message: Message, turn: Turn) -> None:
    """A message of the person, to be changed and sent again."""
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
        return  # the second click of two
    text = st.session_state[f"edited-{turn.id}"]
    if attempt(lambda: current().turns.replace(turn, text)):
        st.session_state.sent = st.session_state.get("sent", 0) + 1
        edit(None)


def _show(versions: Sequence[str], number: int) -> None:
    turn = current().store.get_turn(versions[number - 1])
    if turn and attempt(lambda: current().turns.show(turn)):
        state.touch(Part.PAGE)


def _branch(key: SessionKey, event_id: str) -> None:
    def branch() -> None:
        state.open_session(current().branch_session(key, event_id).key.session_id)
        state.touch(Part.PAGE)

    attempt(branch)
