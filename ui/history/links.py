"""Ways to transcripts, and back to the list that one came from."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from ui import state
from ui.history.view import Parameters, view_of_url
from ui.history.window import forget_windows
from ui.state import Part

MESSAGE: Final = "message"
BESIDE: Final = "beside"
CAME_FROM: Final = "history_list"
OPENED: Final = "history_opened"
AIMS: Final = "history_aims"


def reader_parameters(session_id: str, message_id: str | None = None, text: str = "", beside: str = "") -> Parameters:
    """The parameters of a transcript's URL; ``text`` are the words to light up in it."""
    wanted = {state.SESSION: session_id, MESSAGE: message_id or "", BESIDE: beside, "text": text}
    return {name: value for name, value in wanted.items() if value}


def reader_url(session_id: str, message_id: str | None = None, text: str = "") -> str:
    """A link to a transcript, from any page."""
    return f"./history?{urlencode(reader_parameters(session_id, message_id, text))}"


def show(parameters: Parameters) -> None:
    """Write the URL of the page: what the next run shows. For callbacks."""
    if state.SESSION not in st.query_params:
        st.session_state[CAME_FROM] = view_of_url().url()
    st.session_state[AIMS] = {}
    forget_windows()
    _number()
    st.query_params.from_dict(parameters)
    state.touch(Part.PAGE)


def back_to_list() -> None:
    """Show the list as it was left. For callbacks."""
    show(st.session_state.get(CAME_FROM, {}))


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
