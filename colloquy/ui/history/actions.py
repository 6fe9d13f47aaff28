"""The selected conversations, on all pages of the list, and the actions on them; tags, and the note on one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.attempts import attempt
from colloquy.ui.data.export_dialog import export_dialog
from colloquy.ui.history import links
from colloquy.ui.history.view import view_of_url
from colloquy.ui.state import Part
from colloquy.ui.undo import grace
from session_store.history.models import HistoryRow
from session_store.limits import LONGEST_NOTE
from session_store.models import SessionKey
from session_store.phrases import counted

PICKED: Final = "history_picked"

ADD: Final = "history-add-tags"
REMOVE: Final = "history-remove-tags"


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
    tags_of = current().store.labels.tags
    st.session_state[PICKED] = {ref: replace(row, tags=tags_of(row.key)) for ref, row in picked().items()}


def clear() -> None:
    """Clears the selection. For callbacks."""
    st.session_state[PICKED] = {}
    state.touch(Part.PAGE)


def actions(chosen: Mapping[str, HistoryRow]) -> None:
    """Draws the buttons of the bar above the table."""
    rows = list(chosen.values())
    keys = [row.key for row in rows]
    st.markdown(f"{len(rows):,} selected", width="content")
    tag_several(rows)
    saved = all(row.saved for row in rows)
    st.button(
        "Remove from saved" if saved else "Save",
        key="history-save",
        icon=":material/bookmark_remove:" if saved else ":material/bookmark:",
        on_click=_set_saved,
        args=(keys, not saved),
    )
    st.button(
        "Export",
        key="history-export",
        icon=":material/download:",
        on_click=dialogs.show,
        args=(export_dialog, [key.session_id for key in keys], count(len(keys))),
    )
    if len(rows) == 2:
        st.button(
            "Compare",
            key="history-beside",
            icon=":material/splitscreen_right:",
            on_click=_beside,
            args=tuple(keys),
        )
    _delete_button(keys)
    st.button("Clear", key="history-clear", type="tertiary", icon=":material/close:", on_click=clear)


def _delete_button(keys: list[SessionKey]) -> None:
    """Draws the delete button. It asks first if a deletion cannot be undone."""
    on_click, args = (
        (_delete, (keys,)) if current().settings.undo_seconds else (dialogs.show, (_confirm_deletion, keys))
    )
    st.button("Delete", key="history-delete", icon=":material/delete:", on_click=on_click, args=args)


@st.dialog("Delete?", icon=":material/delete:", on_dismiss=dialogs.close)
def _confirm_deletion(keys: list[SessionKey]) -> None:
    st.markdown(f"Delete {count(len(keys))}, with everything in it? {grace()}")
    if st.button("Delete", key="history-really-delete", type="primary", on_click=_delete, args=(keys,)):
        state.rerun()


def count(chats: int) -> str:
    """Returns a number of chats in words."""
    return counted(chats, "chat")


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _set_saved(keys: list[SessionKey], saved: bool) -> None:  # noqa: FBT001 - the value is the point
    if attempt(lambda: current().set_saved(keys, saved)):
        clear()


def _beside(first: SessionKey, second: SessionKey) -> None:
    links.show(links.reader_parameters(first.session_id, beside=second.session_id, view=view_of_url()))


def _delete(keys: list[SessionKey]) -> None:
    if attempt(lambda: current().delete_sessions(keys)):
        clear()


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
    used = current().store.labels.all_tags()
    return list(dict.fromkeys([*sorted(used, key=lambda tag: -used[tag]), *own]))


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _retag(row: HistoryRow, widget: str) -> None:
    attempt(lambda: current().replace_tags(row.key, st.session_state[widget], before=row.tags))
    state.touch(Part.PAGE)


def _annotate(row: HistoryRow, widget: str) -> None:
    attempt(lambda: current().set_note(row.key, st.session_state[widget]))
    state.touch(Part.PAGE)


def _tag(keys: Sequence[SessionKey]) -> None:
    added, removed = st.session_state[ADD], st.session_state.get(REMOVE, [])
    attempt(lambda: current().set_tags(keys, add=added, remove=removed))
    st.session_state[ADD], st.session_state[REMOVE] = [], []
    tags_changed()
    state.touch(Part.PAGE)
