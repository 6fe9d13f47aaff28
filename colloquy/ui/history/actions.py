"""The actions on the selected conversations."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.attempts import attempt
from colloquy.ui.data.export_dialog import export_dialog
from colloquy.ui.history import links, selection
from colloquy.ui.history.labels import tag_several
from colloquy.ui.history.view import view_of_url
from colloquy.ui.undo import grace
from session_store.history.models import HistoryRow
from session_store.models import SessionKey
from session_store.phrases import counted


def actions(picked: Mapping[str, HistoryRow]) -> None:
    """Draws the buttons of the bar above the table."""
    rows = list(picked.values())
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
    st.button("Clear", key="history-clear", type="tertiary", icon=":material/close:", on_click=selection.clear)


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
        selection.clear()


def _beside(first: SessionKey, second: SessionKey) -> None:
    links.show(links.reader_parameters(first.session_id, beside=second.session_id, view=view_of_url()))


def _delete(keys: list[SessionKey]) -> None:
    if attempt(lambda: current().delete_sessions(keys)):
        selection.clear()
