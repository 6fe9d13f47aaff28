"""The selected conversations, on all pages of the list."""

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
    """Returns the selected rows by their refs."""
    chosen: dict[str, HistoryRow] = st.session_state.setdefault(PICKED, {})
    return chosen


def pick(page: Mapping[str, HistoryRow], refs: Iterable[str]) -> None:
    """Selects exactly these rows on one page of the list. For callbacks."""
    kept = {ref: row for ref, row in picked().items() if ref not in page}
    st.session_state[PICKED] = kept | {ref: page[ref] for ref in refs}
    state.touch(Part.HISTORY)


def tags_changed() -> None:
    """Reloads the tags of the selected rows. For callbacks."""
    tags_of = current().store.tags_of
    st.session_state[PICKED] = {ref: replace(row, tags=tags_of(row.key)) for ref, row in picked().items()}


def clear() -> None:
    """Clears the selection. For callbacks."""
    st.session_state[PICKED] = {}
    state.touch(Part.PAGE)
