"""Leads from a transcript to the previous and the next one in the list that it was opened from."""

from __future__ import annotations

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui.formatting import zone
from colloquy.ui.history import links
from colloquy.ui.history.drill_down import places
from colloquy.ui.history.view import View, view_of_url
from session_store.errors import ColloquyError
from session_store.history.models import Neighbour
from session_store.models import SessionKey


def neighbours(key: SessionKey, view: View) -> None:
    """Draws both buttons, with the position in the list between them; nothing if the conversation is not in it."""
    try:
        found = current().store.history_neighbours(key, view.filter(zone()), sort=view.sort, descending=view.descending)
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
    links.show(links.reader_parameters(row.key.session_id, place.event_id if place else None, view=view))
