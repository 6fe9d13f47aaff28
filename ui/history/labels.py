"""The tags of conversations and a note about one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from runtime.workbench import current
from session_store.history.models import HistoryRow
from session_store.models import SessionKey
from ui import state
from ui.attempts import attempt
from ui.state import Part


def labels(row: HistoryRow) -> None:
    """A button that opens the tags and the note of a conversation. What is changed in there is kept at once."""
    tags_key, note_key = f"tags-{row.key.session_id}", f"note-{row.key.session_id}"
    st.session_state[tags_key], st.session_state[note_key] = list(row.tags), row.note
    with st.popover("Tags and note", icon=":material/sell:", key="labels"):
        st.multiselect(
            "Tags",
            _options(row.tags),
            accept_new_options=True,
            key=tags_key,
            placeholder="Choose or write a tag",
            on_change=_retag,
            args=(row, tags_key),
        )
        st.text_area(
            "Note", key=note_key, placeholder="What is worth remembering?", on_change=_annotate, args=(row, note_key)
        )


def tag_several(keys: Sequence[SessionKey], present: Sequence[str], done: Callable[[], None]) -> None:
    """A button that opens the choice of tags to give to conversations, or to take from them. ``present`` are those that
    any of them has; ``done`` is called after a change."""
    with st.popover("Tag", icon=":material/sell:", key="history-tag"), st.form("history-tag-form", border=False):
        st.multiselect(
            "Add", _options(()), accept_new_options=True, key="history-add-tags", placeholder="Choose or write a tag"
        )
        if present:
            st.multiselect("Remove", present, key="history-remove-tags", placeholder="Choose")
        st.form_submit_button("Change tags", type="primary", on_click=_tag, args=(keys, done))


def _options(own: Sequence[str]) -> list[str]:
    """All tags there are, those used most first."""
    used = current().store.all_tags()
    return list(dict.fromkeys([*sorted(used, key=lambda tag: -used[tag]), *own]))


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _retag(row: HistoryRow, widget: str) -> None:
    chosen = st.session_state[widget]
    removed = [tag for tag in row.tags if tag not in chosen]
    attempt(lambda: current().store.set_tags([row.key], add=chosen, remove=removed))
    state.touch(Part.PAGE)


def _annotate(row: HistoryRow, widget: str) -> None:
    attempt(lambda: current().store.set_note(row.key, st.session_state[widget]))
    state.touch(Part.PAGE)


def _tag(keys: Sequence[SessionKey], done: Callable[[], None]) -> None:
    added, removed = st.session_state["history-add-tags"], st.session_state.get("history-remove-tags", [])
    if attempt(lambda: current().store.set_tags(keys, add=added, remove=removed)):
        done()
    state.touch(Part.PAGE)
