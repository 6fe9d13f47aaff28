"""The messages of a conversation as bubbles."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from runtime.workbench import current
from session_store.models import Turn, TurnStatus
from session_store.transcript import Message
from ui.agents import other_author
from ui.components import message_foot
from ui.formatting import duration, short_time, untrusted_markdown

PERSON = ":material/person:"

PARTIAL_MARKS = {
    TurnStatus.STOPPED: "Stopped: this answer is not complete.",
    TurnStatus.FAILED: "Failed: this answer is not complete.",
    TurnStatus.INTERRUPTED: "Interrupted: Colloquy ended before this answer was complete.",
}


def bubble(message: Message, turn: Turn | None, icon: str, *, action: Callable[[], None] | None = None) -> None:
    """One message with its quiet line below. ``icon`` is the agent's; ``action`` adds to the quiet line."""
    with st.chat_message("user" if message.is_user else "assistant", avatar=PERSON if message.is_user else icon):
        st.markdown(untrusted_markdown(message.text))
        if message.partial and turn:
            st.caption(f":material/incomplete_circle: {PARTIAL_MARKS.get(turn.status, 'This answer is not complete.')}")
        if action is None:
            message_foot(message.id, _quiet_line(message, turn), message.text)
            return
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"foot-{message.id}"):
            message_foot(message.id, _quiet_line(message, turn), message.text)
            action()


def _quiet_line(message: Message, turn: Turn | None) -> str:
    facts = [short_time(message.at)]
    if turn and not message.is_user:
        if author := other_author(message.author, turn.key.app_name):
            facts.insert(0, author)
        if turn.model:
            facts.append(current().models.label(turn.model))
        if turn.started_at and turn.ended_at:
            facts.append(duration(turn.ended_at - turn.started_at))
    return " · ".join(facts)
