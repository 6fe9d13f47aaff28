"""Ways to transcripts, and back to the list that one came from."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from colloquy.ui import state
from colloquy.ui.history.view import Parameters, View, view_of_url
from colloquy.ui.history.window import forget_windows
from colloquy.ui.state import Part

MESSAGE: Final = "message"
BESIDE: Final = "beside"
OPENED: Final = "history_opened"
AIMS: Final = "history_aims"


def reader_parameters(
    session_id: str, message_id: str | None = None, beside: str = "", view: View | None = None
) -> Parameters:
    """The parameters of a transcript's URL, read on the way through a list (``view``), whose words it lights up."""
    wanted = {state.SESSION: session_id, MESSAGE: message_id or "", BESIDE: beside}
    return {name: value for name, value in wanted.items() if value} | (view.url() if view else {})


def reader_url(session_id: str, message_id: str | None = None, view: View | None = None) -> str:
    """A link to a transcript, from any page."""
    return f"./history?{urlencode(reader_parameters(session_id, message_id, view=view), doseq=True)}"


def show(parameters: Parameters) -> None:
    """Write the URL of the page: what the next run shows. For callbacks."""
    st.session_state[AIMS] = {}
    forget_windows()
    _number()
    st.query_params.from_dict(parameters)
    state.touch(Part.PAGE)


def back_to_list() -> None:
    """Show the list that one came from. For callbacks."""
    show(view_of_url().url())


def aim_at(prefix: str, message_id: str) -> None:
    """Bring a message into view on the transcript whose keys begin with ``prefix``. For callbacks."""
    st.session_state.setdefault(AIMS, {})[prefix] = message_id
    _number()
    state.touch(Part.PAGE)


def aim(prefix: str) -> str:
    """The message that was last aimed at there; empty if that is the one of the URL."""
    return str(st.session_state.get(AIMS, {}).get(prefix, ""))


def opened() -> int:
    """A number that grows whenever something else is brought into view."""
    return int(st.session_state.get(OPENED, 0))


def _number() -> None:
    st.session_state[OPENED] = time.time_ns() // 1_000_000
