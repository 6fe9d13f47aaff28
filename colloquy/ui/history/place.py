"""Shows a place in a transcript: scrolls to it, marks its message, highlights words."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st

from colloquy.ui.formatting import key_of
from session_store.history.words import words_of

_MARK: Final = """
[data-testid="stChatMessage"]:has(.ANCHOR) {
  outline: 2px solid var(--accent); outline-offset: 2px;
  background: color-mix(in srgb, var(--accent) 9%, transparent);
}
"""
LONGEST_TEXT: Final = 500


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
