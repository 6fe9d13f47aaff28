"""Jumps from a result to the message that it belongs to."""

from __future__ import annotations

import time

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui.formatting import key_of
from colloquy.ui.results.cards import anchor_of
from session_store.models import Result

JUMP = "jump_target"
STEP = 200
ROOM = 10
"""Events above the message that are also on the page."""


def jump_target() -> tuple[list[str], int] | None:
    """Returns the keys of the elements that the last jump aims at, best first, and the number of that jump."""
    target: tuple[list[str], int] | None = st.session_state.get(JUMP)
    return target


def open_at(result: Result) -> None:
    """Makes the next run of the page show the message of a result, however old it is."""
    depth, event_ids = _depth(result)
    windows = st.session_state.setdefault("window", {})
    session_id = result.key.session_id
    windows[session_id] = max(windows.get(session_id, 0), depth + ROOM)
    anchors = [anchor_of(result), *(f"copy-{key_of(event_id)}" for event_id in event_ids)]
    st.session_state[JUMP] = (anchors, time.time_ns() // 1_000_000)


def _depth(result: Result) -> tuple[int, list[str]]:
    """Returns how many events from the end the result's turn begins, and the ids of the turn's events, newest first."""
    depth = begin = 0
    ids: list[str] = []
    before = None
    while events := current().store.list_events(result.key, before=before, limit=STEP):
        for stored in reversed(events):
            depth += 1
            if stored.event.invocation_id == result.turn_id:
                begin = depth
                ids.append(stored.event.id)
            elif ids:
                return begin, ids
        before = events[0].seq
    return begin, ids
