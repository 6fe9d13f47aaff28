"""The list of all conversations, to browse, search and select from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.demo import demo_mark
from colloquy.ui.formatting import zone
from colloquy.ui.history import links
from colloquy.ui.history.actions import actions, pick, picked
from colloquy.ui.history.ask import ask_history_button
from colloquy.ui.history.drill_down import heading, places
from colloquy.ui.history.filter_bar import filter_bar, reset, search_box
from colloquy.ui.history.table import COLUMNS, hits, line_of, ref_of, table
from colloquy.ui.history.view import TEXTUAL, View, view_of_url
from colloquy.ui.history.window import show_place
from colloquy.ui.state import Part
from colloquy.ui.undo import undo_bar
from session_store.history.models import HistoryRow, HistorySort
from session_store.models import Page
from session_store.phrases import counted

ROWS = 50
HITS = 20
PLACES, CONVERSATIONS = "Matches", "Chats"

SHOWN_PAGE: Final = "history_place"


def listing() -> None:
    """Draws the page while no transcript is open."""
    view, store = view_of_url(), current().store
    choices = store.history.choices()
    with st.container(horizontal=True, vertical_alignment="center", key="history-head"):
        st.title("History", anchor=False, width="content")
        demo_mark()
        if choices.agents:
            search_box(view)
            if not view.drill_down:  # a chat cannot be about a drill-down list
                ask_history_button(view.filter(zone()))
    undo_bar("history-undo", Part.PAGE, noun="chat")
    if not choices.agents:
        _nothing_yet()
        return
    if view.drill_down:
        heading(view.drill_down)
    filter_bar(view, choices)
    if view.text:
        _kind(view)
    show_place("", None, "", links.opened())
    if view.text and view.by_place:
        _places(view)
        return
    wanted = view.filter(zone())
    shown = _shown_page(view)
    page = store.history.list(wanted, sort=view.sort, descending=view.descending, before=shown.cursor, limit=ROWS)
    _conversations(view, page, store.history.count(wanted), with_users=len(choices.users) > 1)


@st.fragment
def _conversations(view: View, page: Page[HistoryRow], total: int, *, with_users: bool) -> None:
    """Draws a page of the table as a fragment: a selection in it reruns nothing else."""
    if state.must_give_way(Part.HISTORY):
        state.rerun()
    if not page.items:
        _nothing_found()
        return
    rows = {ref_of(row): row for row in page.items}
    about = places(view.drill_down, [row.number for row in page.items])
    lines = {ref_of(row): line_of(row, view, about.get(row.number)) for row in page.items}
    with st.container(horizontal=True, vertical_alignment="center", key="history-bar"):
        if chosen := picked():
            actions(chosen)
        else:
            st.markdown(counted(total, "chat"), width="content")
            if view.filters:
                st.button("Show all", key="history-all", type="tertiary", icon=":material/close:", on_click=reset)
            _order(view)
    table(
        page.items,
        lines,
        order=(view.sort, view.descending),
        selected=set(picked()),
        with_users=with_users,
        on_open=lambda ref: _open(rows[ref].key.session_id, lines[ref].event_id),
        on_sort=partial(_sort, view),
        on_select=lambda refs: pick(rows, refs),
    )
    _page_buttons(view, page.next, ROWS, total)


def _places(view: View) -> None:
    shown = _shown_page(view)
    found = current().store.history.search(view.text, view.filter(zone()), before=shown.cursor, limit=HITS)
    if not found.items:
        _nothing_found()
        return
    hits(found.items, view, lambda hit: _open(hit.key.session_id, hit.event_id))
    _page_buttons(view, found.next, HITS, None)


def _kind(view: View) -> None:
    st.segmented_control(
        "Show",
        [PLACES, CONVERSATIONS],
        default=PLACES if view.by_place else CONVERSATIONS,
        required=True,
        key="history-kind",
        label_visibility="collapsed",
        on_change=_choose_kind,
    )


def _order(view: View) -> None:
    """Draws the choice of the order for phones, where the table has no headers."""
    orders = [(sort, down) for sort in [*COLUMNS, HistorySort.CREATED] for down in (True, False)]
    st.session_state["history-order"] = (view.sort, view.descending)
    st.selectbox(
        "Order",
        orders,
        format_func=lambda order: _order_name(*order),
        key="history-order",
        label_visibility="collapsed",
        on_change=_choose_order,
        width=175,
    )


def _order_name(sort: HistorySort, down: bool) -> str:  # noqa: FBT001 - one of a pair
    if sort is HistorySort.UPDATED:
        return "Newest first" if down else "Oldest first"
    if sort is HistorySort.CREATED:
        return "Newest created" if down else "Oldest created"
    if sort in TEXTUAL:
        return f"{COLUMNS[sort]}, {'Z to A' if down else 'A to Z'}"
    return f"{'Most' if down else 'Least'} {COLUMNS[sort].lower()}"


def _nothing_yet() -> None:
    st.markdown("Your chats will be listed here for you to search, read, compare and export.")
    st.button("Start a chat", key="history-begin", icon=":material/edit_square:", type="primary", on_click=_begin)


def _nothing_found() -> None:
    st.info("No chats match these filters.", icon=":material/filter_alt:")
    st.button("Reset filters", key="history-reset", icon=":material/filter_alt_off:", on_click=reset)


@dataclass(frozen=True, slots=True)
class _ShownPage:
    """A page of a view: the cursors of the pages up to it, in order. The store pages by key: this is the way back."""

    view: View
    way: tuple[str, ...] = ()

    @property
    def cursor(self) -> str | None:
        """Where the page begins; None for the first one."""
        return self.way[-1] if self.way else None


def _shown_page(view: View) -> _ShownPage:
    """Returns the current page of this view; the first one if another view was shown before."""
    known: _ShownPage | None = st.session_state.get(SHOWN_PAGE)
    return known if known and known.view == view else _ShownPage(view)


def _page_buttons(view: View, following: str | None, rows: int, total: int | None) -> None:
    """Draws the buttons to the previous and the next page, if any. ``total`` counts the rows of all pages."""
    here = _shown_page(view)
    if not here.way and not following:
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center", key="history-pages"):
        st.button(
            "Previous",
            key="history-previous",
            icon=":material/chevron_left:",
            type="tertiary",
            disabled=not here.way,
            on_click=partial(_turn_to, _ShownPage(view, here.way[:-1])),
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
            on_click=partial(_turn_to, _ShownPage(view, (*here.way, following or ""))),
        )


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _open(session_id: str, event_id: str | None) -> None:
    links.show(links.reader_parameters(session_id, event_id, view=view_of_url()))


def _sort(view: View, by: HistorySort) -> None:
    descending = not view.descending if by is view.sort else by not in TEXTUAL
    links.show(replace(view, sort=by, descending=descending).url())


def _choose_order() -> None:
    sort, descending = st.session_state["history-order"]
    links.show(replace(view_of_url(), sort=sort, descending=descending).url())


def _choose_kind() -> None:
    links.show(replace(view_of_url(), by_place=st.session_state["history-kind"] == PLACES).url())


def _begin() -> None:
    state.new_chat()
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)


def _turn_to(page: _ShownPage) -> None:
    st.session_state[SHOWN_PAGE] = page
    state.touch(Part.PAGE)
