"""The part of a transcript that is on the page: messages around a place, with more on demand; scrolls to a message,
marks it and highlights words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui.formatting import key_of
from session_store.history.words import words_of
from session_store.models import SessionKey, StoredEvent

SIZE: Final = 40
"""Events that are added to the page at once."""
MOST: Final = 160
"""Maximum number of events on the page: adding some at one end removes some at the other."""
LONGEST_TURN: Final = 200
"""Maximum number of events by which the window is extended so that it does not begin or end within a turn."""
WINDOWS: Final = "history_windows"

Bounds = tuple[int, int]

_MARK: Final = """
[data-testid="stChatMessage"]:has(.ANCHOR) {
  outline: 2px solid var(--accent); outline-offset: 2px;
  background: color-mix(in srgb, var(--accent) 9%, transparent);
}
"""
LONGEST_TEXT: Final = 500


@dataclass(frozen=True, slots=True)
class Window:
    """Events in order, and whether there are any before and after them."""

    events: list[StoredEvent]
    older: bool
    newer: bool


def window_of(key: SessionKey, wanted: str | None) -> Window:
    """Returns the events on the page of a session that was opened at the event ``wanted``, or at its beginning."""
    bounds = _windows().get((key, wanted))
    if bounds is None:
        bounds = _first_look(key, wanted)
        if bounds is None:
            return Window([], older=False, newer=False)
        _windows()[key, wanted] = bounds
    store = current().store
    first, last = bounds
    return Window(
        store.events.list(key, after=first - 1, before=last + 1, limit=MOST + 2 * LONGEST_TURN),
        older=bool(store.events.list(key, before=first, limit=1)),
        newer=bool(store.events.list(key, after=last, limit=1)),
    )


def show_older(key: SessionKey, wanted: str | None) -> None:
    """Extends the window at the older end."""
    first, last = _windows()[key, wanted]
    if more := current().store.events.list(key, before=first, limit=SIZE):
        first = more[0].seq
        shown = current().store.events.list(key, after=first - 1, before=last + 1, limit=MOST, oldest=True)
        _windows()[key, wanted] = _whole_turns(key, (first, shown[-1].seq))


def show_newer(key: SessionKey, wanted: str | None) -> None:
    """Extends the window at the newer end."""
    first, last = _windows()[key, wanted]
    if more := current().store.events.list(key, after=last, limit=SIZE, oldest=True):
        last = more[-1].seq
        shown = current().store.events.list(key, after=first - 1, before=last + 1, limit=MOST)
        _windows()[key, wanted] = _whole_turns(key, (shown[0].seq, last))


def show_end(key: SessionKey, wanted: str | None, *, oldest: bool) -> None:
    """Moves the window to the beginning (``oldest``) or to the end of the conversation."""
    if events := current().store.events.list(key, limit=SIZE, oldest=oldest):
        _windows()[key, wanted] = _whole_turns(key, (events[0].seq, events[-1].seq))


def show_around(key: SessionKey, wanted: str | None, event_id: str) -> None:
    """Moves the window to an event."""
    if events := current().store.events.around(key, event_id, limit=SIZE):
        _windows()[key, wanted] = _whole_turns(key, (events[0].seq, events[-1].seq))


def forget_windows() -> None:
    """Resets the window of every transcript."""
    st.session_state[WINDOWS] = {}


def _windows() -> dict[tuple[SessionKey, str | None], Bounds]:
    windows: dict[tuple[SessionKey, str | None], Bounds] = st.session_state.setdefault(WINDOWS, {})
    return windows


def _first_look(key: SessionKey, wanted: str | None) -> Bounds | None:
    store = current().store
    events = store.events.around(key, wanted, limit=SIZE) if wanted else []
    events = events or store.events.list(key, limit=SIZE, oldest=True)
    return _whole_turns(key, (events[0].seq, events[-1].seq)) if events else None


def _whole_turns(key: SessionKey, bounds: Bounds) -> Bounds:
    store = current().store
    first, last = bounds
    before = store.events.list(key, before=first + 1, limit=LONGEST_TURN)
    for stored in reversed(before):
        if stored.event.invocation_id != before[-1].event.invocation_id:
            break
        first = stored.seq
    after = store.events.list(key, after=last - 1, limit=LONGEST_TURN, oldest=True)
    for stored in after:
        if stored.event.invocation_id != after[0].event.invocation_id:
            break
        last = stored.seq
    return first, last


def mark(prefix: str, message_id: str) -> None:
    """Marks a message of the transcript whose keys begin with ``prefix``."""
    st.html(f"<i></i><style>{_MARK.replace('ANCHOR', _anchor(prefix, message_id))}</style>")


def show_place(prefix: str, message_id: str | None, text: str, number: int) -> None:
    """Scrolls to a message of the transcript whose keys begin with ``prefix``, once for each new ``number``.

    It highlights the words of a search. Without a message, the page returns to where the user left it, if it was open
    before.
    """
    mount = st.components.v2.component("colloquy.place", js=_script())
    data = {
        "scope": f"st-key-{prefix}transcript",
        "anchor": _anchor(prefix, message_id) if message_id else "",
        "whole": not prefix,
        "words": list(words_of(text[:LONGEST_TEXT])),
        "number": number,
        "shown": st.query_params.to_dict(),  # makes the script rerun whenever something else is shown
    }
    mount(key=f"{prefix}place", data=data, height=0)


def _anchor(prefix: str, message_id: str) -> str:
    """Returns the class that Streamlit gives to the toolbar of a message."""
    return f"st-key-copy-{prefix}{key_of(message_id)}"


@cache
def _script() -> str:
    return (Path(__file__).parent / "place.js").read_text(encoding="utf-8")
