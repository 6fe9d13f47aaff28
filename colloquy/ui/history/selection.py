"""The conversations that are picked, on whatever page of the list they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.state import Part
from session_store.history.models import HistoryRow

PICKED: Final = "history_picked"


def picked() -> dict[str, HistoryRow]:
    """What is picked, by what the rows are called."""
    chosen: dict[str, HistoryRow] = st.session_state.setdefault(PICKED, {})
    return chosen


def pick(page: Mapping[str, HistoryRow], refs: Iterable[str]) -> None:
    """Of a page of the list, pick these rows and no others. For callbacks."""
    kept = {ref: row for ref, row in picked().items() if ref not in page}
    st.session_state[PICKED] = kept | {ref: page[ref] for ref in refs}
    state.touch(Part.HISTORY)


def tags_changed() -> None:
    """Learn the tags of what is picked anew. For callbacks."""
    tags_of = current().store.tags_of
    st.session_state[PICKED] = {ref: replace(row, tags=tags_of(row.key)) for ref, row in picked().items()}


def clear() -> None:
    """Pick nothing. For callbacks."""
    st.session_state[PICKED] = {}
    state.touch(Part.PAGE)
