"""Links to files that the API creates while they are downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

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
