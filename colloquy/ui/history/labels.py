"""The tags of conversations, and the note on one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.attempts import attempt
from colloquy.ui.history import selection
from colloquy.ui.state import Part
from session_store.history.models import HistoryRow
from session_store.limits import LONGEST_NOTE
from session_store.models import SessionKey

ADD: Final = "history-add-tags"
REMOVE: Final = "history-remove-tags"


def labels(row: HistoryRow) -> None:
    """Draws a button that opens the tags and the note of a conversation. Changes are saved at once."""
    tags_key, note_key = f"tags-{row.key.session_id}", f"note-{row.key.session_id}"
    st.session_state[tags_key], st.session_state[note_key] = list(row.tags), row.note
    with st.popover("Tags and note", icon=":material/sell:", key="labels"):
        st.multiselect(
            "Tags",
            _options(row.tags),
            accept_new_options=True,
            key=tags_key,
            placeholder="Choose or type a tag",
            on_change=_retag,
            args=(row, tags_key),
        )
        st.text_area(
            "Note",
            max_chars=LONGEST_NOTE,
            key=note_key,
            placeholder="Anything worth remembering?",
            on_change=_annotate,
            args=(row, note_key),
        )


def tag_several(rows: Sequence[HistoryRow]) -> None:
    """Draws a button that opens the tags to add to conversations, or to remove from them. Each change applies at
    once."""
    present = sorted({tag for row in rows for tag in row.tags}, key=str.casefold)
    keys = [row.key for row in rows]
    with st.popover("Tag", icon=":material/sell:", key="history-tag"):
        st.multiselect(
            "Add",
            _options(()),
            accept_new_options=True,
            key=ADD,
            placeholder="Choose or type a tag",
            on_change=_tag,
            args=(keys,),
        )
        if present:
            st.multiselect("Remove", present, key=REMOVE, placeholder="Choose a tag", on_change=_tag, args=(keys,))


def _options(own: Sequence[str]) -> list[str]:
    """Returns all existing tags, most used first."""
    used = current().store.all_tags()
    return list(dict.fromkeys([*sorted(used, key=lambda tag: -used[tag]), *own]))


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _retag(row: HistoryRow, widget: str) -> None:
    chosen = st.session_state[widget]
    removed = [tag for tag in row.tags if tag not in chosen]
    attempt(lambda: current().set_tags([row.key], add=chosen, remove=removed))
    state.touch(Part.PAGE)


def _annotate(row: HistoryRow, widget: str) -> None:
    attempt(lambda: current().set_note(row.key, st.session_state[widget]))
    state.touch(Part.PAGE)


def _tag(keys: Sequence[SessionKey]) -> None:
    added, removed = st.session_state[ADD], st.session_state.get(REMOVE, [])
    attempt(lambda: current().set_tags(keys, add=added, remove=removed))
    st.session_state[ADD], st.session_state[REMOVE] = [], []
    selection.tags_changed()
    state.touch(Part.PAGE)
