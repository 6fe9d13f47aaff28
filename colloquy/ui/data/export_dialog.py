"""The dialog that exports one or several chats: a choice of formats, and the file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from colloquy.ui import dialogs

FORMATS: Final = {
    "markdown": ("Markdown", "Readable text: messages and tool calls."),
    "zip": ("ZIP", "Everything, including results, files and workspaces, for import elsewhere."),
    "json": ("JSON", "All messages, in ADK's session format."),
    "adk-web": ("JSON for adk web", "For the Import button in adk web, without parts that its server rejects."),
    "jsonl": ("JSON Lines", "One line per event, for DuckDB or pandas."),
}
ONE_ONLY: Final = {"adk-web"}


@st.dialog("Export", icon=":material/download:", on_dismiss=dialogs.close)
def export_dialog(session_ids: Sequence[str], what: str) -> None:
    """Asks for a format and offers the file. ``what`` names the chats in Markdown."""
    st.markdown(f"Export {what} as")
    form = format_choice("export-format", one=len(session_ids) == 1)
    if len(session_ids) > MOST_IDS:
        st.warning(f"A link can hold at most {MOST_IDS} chats. Select fewer, or use the Import and export page.")
        return
    download(export_url(session_ids, form))


def format_choice(key: str, *, one: bool) -> str:
    """Draws a choice of formats for one chat, or for several."""
    names = [name for name in FORMATS if one or name not in ONE_ONLY]
    chosen = st.radio(
        "Format",
        names,
        format_func=lambda name: FORMATS[name][0],
        captions=[FORMATS[name][1] for name in names],
        key=key,
        label_visibility="collapsed",
    )
    return str(chosen)


STYLE = (Path(__file__).parent / "download.css").read_text(encoding="utf-8")
MOST_IDS = 500
"""The maximum that the route accepts."""


def export_url(session_ids: Sequence[str], form: str) -> str:
    """Returns the URL that downloads these conversations as one file; all of them if none is given."""
    if len(session_ids) == 1:
        return f"./api/v1/conversations/{session_ids[0]}/export?{urlencode({'format': form})}"
    return f"./api/v1/exports/file?{urlencode({'format': form, 'id': list(session_ids)}, doseq=True)}"


def download(url: str) -> None:
    """Draws a link that looks like a button and saves a file."""
    st.html(f"<i></i><style>{STYLE}</style>")
    st.html(f'<a class="download" href="{escape(url)}" download>Download</a>', width="content")
