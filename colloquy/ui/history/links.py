"""Links to transcripts, from one to the next, and back to the list that one was opened from."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.formatting import zone
from colloquy.ui.history.drill_down import places
from colloquy.ui.history.view import Parameters, View, view_of_url
from colloquy.ui.history.window import forget_windows
from colloquy.ui.state import Part
from session_store.errors import ColloquyError
from session_store.history.models import Neighbour
from session_store.models import SessionKey

MESSAGE: Final = "message"
BESIDE: Final = "beside"
OPENED: Final = "history_opened"
AIMS: Final = "history_aims"


def reader_parameters(
    session_id: str, message_id: str | None = None, beside: str = "", view: View | None = None
) -> Parameters:
    """Returns the parameters of a transcript's URL. With ``view``, the list it is opened from, it highlights the
    searched words."""
    wanted = {state.SESSION: session_id, MESSAGE: message_id or "", BESIDE: beside}
    return {name: value for name, value in wanted.items() if value} | (view.url() if view else {})


def reader_url(session_id: str, message_id: str | None = None, view: View | None = None) -> str:
    """Returns a link to a transcript, for any page."""
    return f"./history?{urlencode(reader_parameters(session_id, message_id, view=view), doseq=True)}"


def show(parameters: Parameters) -> None:
    """Writes the URL of the page, which determines what the next run shows. For callbacks."""
    st.session_state[AIMS] = {}
    forget_windows()
    _number()
    st.query_params.from_dict(parameters)
    state.touch(Part.PAGE)


def back_to_list() -> None:
    """Returns to the list that the transcript was opened from. For callbacks."""
    show(view_of_url().url())


def aim_at(prefix: str, message_id: str) -> None:
    """Scrolls a message into view in the transcript whose keys begin with ``prefix``. For callbacks."""
    st.session_state.setdefault(AIMS, {})[prefix] = message_id
    _number()
    state.touch(Part.PAGE)


def aim(prefix: str) -> str:
    """Returns the message last aimed at in that transcript; empty if it is the one in the URL."""
    return str(st.session_state.get(AIMS, {}).get(prefix, ""))


def opened() -> int:
    """Returns a number that grows whenever something else is scrolled into view."""
    return int(st.session_state.get(OPENED, 0))


def _number() -> None:
    st.session_state[OPENED] = time.time_ns() // 1_000_000


def neighbours(key: SessionKey, view: View) -> None:
    """Draws both buttons, with the position in the list between them; nothing if the conversation is not in it."""
    try:
        found = current().store.history.neighbours(key, view.filter(zone()), sort=view.sort, descending=view.descending)
    except ColloquyError:  # the list itself reports what is wrong with it
        return
    if not found or found.total < 2:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="right", key="history-neighbours"
    ):
        _button("Previous", ":material/chevron_left:", found.before)
        st.caption(f"{found.place:,} of {found.total:,}", width="content")
        _button("Next", ":material/chevron_right:", found.after)


def _button(name: str, icon: str, row: Neighbour | None) -> None:
    st.button(
        name,
        key=f"history-{name.lower()}-one",
        icon=icon,
        icon_position="right" if name == "Next" else "left",
        type="tertiary",
        help=row.title if row else None,
        disabled=row is None,
        on_click=_open,
        args=(row,),
    )


def _open(row: Neighbour) -> None:
    view = view_of_url()
    place = places(view.drill_down, [row.number]).get(row.number)
    show(reader_parameters(row.key.session_id, place.event_id if place else None, view=view))
