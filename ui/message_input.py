"""The field that messages are written in, and files attached to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.typing import ChatInputValue

from runtime.attachments import Attachment
from runtime.workbench import current
from ui import state
from ui.lost_messages import LOST_FILES

LOST = "Colloquy started again and lost the attached file before it could be sent. Attach it again."

Send = Callable[[str, Sequence[Attachment]], str | None]
"""Takes a message and its files; returns why it was not sent, None if it was."""


def message_input(key: str, send: Send) -> None:
    """The input at the bottom of the page. ``send`` takes each message, once. The text of one that it refuses stands in
    the field again, below the reason."""
    taken, kept, reason = f"{key}-taken", f"{key}-kept", f"{key}-reason"

    def take(value: ChatInputValue) -> None:
        refused = _sent(value, send)
        st.session_state[reason] = refused
        if refused:
            st.session_state[kept] = value.text

    def take_submitted() -> None:
        st.session_state[taken] = True
        take(st.session_state[key])

    if text := st.session_state.pop(kept, None):
        st.session_state[key] = text
    with st.bottom:
        if words := st.session_state.get(reason):
            st.warning(words, icon=":material/attach_file_off:")
        value = st.chat_input(
            "Write a message",
            key=key,
            accept_file="multiple",
            max_upload_size=current().settings.attachment_mb,
            on_submit=take_submitted,
        )
    # A server that has just started again does not know the callback of an open page yet: only the message arrives.
    if not st.session_state.pop(taken, False) and value:
        take(value)
        state.rerun()


def _sent(value: ChatInputValue, send: Send) -> str | None:
    if st.session_state.pop(LOST_FILES, False):
        return LOST
    return send(value.text, [Attachment(file.name, file.type, file.getvalue()) for file in value.files])
