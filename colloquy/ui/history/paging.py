"""Which page of a list is shown. The store pages by key, so this module remembers the way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import streamlit as st

from colloquy.ui import state
from colloquy.ui.history.view import View
from colloquy.ui.state import Part

PLACE: Final = "history_place"


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a view: the cursors of the pages up to it, in order."""

    view: View
    way: tuple[str, ...] = ()

    @property
    def cursor(self) -> str | None:
        """Where the page begins; None for the first one."""
        return self.way[-1] if self.way else None


def place(view: View) -> Place:
    """Returns the current page of this view; the first one if another view was shown before."""
    known: Place | None = st.session_state.get(PLACE)
    return known if known and known.view == view else Place(view)


def buttons(view: View, following: str | None, rows: int, total: int | None) -> None:
    """Draws the buttons to the previous and next pages, if any. ``total`` counts the rows of all pages."""
    here = place(view)
    if not here.way and not following:
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center", key="history-pages"):
        st.button(
            "Previous",
            key="history-previous",
            icon=":material/chevron_left:",
            type="tertiary",
            disabled=not here.way,
            on_click=partial(_go, Place(view, here.way[:-1])),
        )
        pages = f" of {-(-total // rows):,}" if total is not None else ""
        st.caption(f"Page {len(here.way) + 1:,}{pages}", width="content")
        st.button(
            "Next",
            key="history-next",
            icon=":material/chevron_right:",
            icon_position="right",
            type="tertiary",
            disabled=not following,
            on_click=partial(_go, Place(view, (*here.way, following or ""))),
        )


def _go(to: Place) -> None:
    st.session_state[PLACE] = to
    state.touch(Part.PAGE)
