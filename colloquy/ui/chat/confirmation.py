"""Asks the user whether a tool may run."""

from __future__ import annotations

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import long_texts, state
from colloquy.ui.attempts import attempt
from colloquy.ui.chat.steps import arguments
from colloquy.ui.formatting import label
from colloquy.ui.state import Part
from session_store.transcripts.transcript import Step

ADKS_OWN_HINT = "Please approve or reject the tool call"
"""ADK's default text for tools that have no text of their own; it addresses programmers, not users."""


def confirmation_card(turn_id: str, step: Step) -> None:
    """Asks the user whether a tool may run with these arguments."""
    with st.container(border=True, key=f"confirm-{step.confirmation_id}"):
        st.markdown(f":material/front_hand: **Allow {label(step.author)} to run {label(step.name)}?**")
        if step.asks and not step.asks.startswith(ADKS_OWN_HINT):
            long_texts.markdown(step.asks, f"asks-{step.confirmation_id}")
        arguments(step, f"asks-{step.confirmation_id}")
        with st.container(horizontal=True):
            _button(turn_id, step, "Approve", approved=True)
            _button(turn_id, step, "Decline", approved=False)


def _button(turn_id: str, step: Step, name: str, *, approved: bool) -> None:
    st.button(
        name,
        key=f"{name.lower()}-{step.confirmation_id}",
        icon=":material/check:" if approved else ":material/block:",
        type="primary" if approved else "secondary",
        on_click=_answer,
        args=(turn_id, step.confirmation_id, approved),
    )


def _answer(turn_id: str, confirmation_id: str, approved: bool) -> None:  # noqa: FBT001 - Streamlit passes it by position
    attempt(lambda: current().turns.answer(turn_id, confirmation_id, approved))
    state.touch(Part.LIVE)
