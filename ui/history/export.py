"""Conversations as files: links to what the REST API makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final
from urllib.parse import quote, urlencode

import streamlit as st

FORMATS: Final = (
    ("zip", "ZIP", "everything, with results and files"),
    ("markdown", "Markdown", "to read"),
    ("json", "JSON", "ADK's session format, complete"),
    ("adk-web", "JSON for adk web", "for its Import button"),
    ("jsonl", "JSON Lines", "a line for each event"),
)
MOST: Final = 500
"""Conversations that one link can name."""


def export_button(session_ids: Sequence[str], key: str) -> None:
    """A button that opens the choice of a format for these conversations."""
    with st.popover("Export", icon=":material/download:", key=key):
        if len(session_ids) > MOST:
            st.caption(f"Choose at most {MOST} conversations, or export all of them under “Import and export”.")
            return
        links = "".join(
            f'<li><a href="{escape(_address(session_ids, name))}" download>{words}</a> <span>{note}</span></li>'
            for name, words, note in FORMATS
        )
        st.html(f'<ul class="history-export">{links}</ul>')


def _address(session_ids: Sequence[str], form: str) -> str:
    if len(session_ids) == 1:
        return f"/api/v1/conversations/{quote(session_ids[0], safe='')}/export?format={form}"
    named = [("format", form), ("everyone", "true"), *(("id", one) for one in session_ids)]
    return f"/api/v1/exports/file?{urlencode(named)}"
