"""The field that messages are written in."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def message_input(key: str, send: Callable[[str], None]) -> None:
    """The input at the bottom of the page. ``send`` takes each message, once."""
    taken = f"{key}-taken"

    def take() -> None:
        st.session_state[taken] = True
        send(st.session_state[key])

    with st.bottom:
        text = st.chat_input("Write a message", key=key, on_submit=take)
    # A server that has just started again does not know the callback of an open page yet: only the text arrives.
    if not st.session_state.pop(taken, False) and text:
        send(text)
        st.rerun()
