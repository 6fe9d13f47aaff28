"""Taking chats out: all of them, or what else there is to take away."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import streamlit as st

from runtime.workbench import current
from ui.data.download import download
from ui.snapshot import snapshot_button

FORMATS: Final = {
    "zip": ("ZIP", "Everything: chats, results, files, workspaces. Import takes it again, here or elsewhere."),
    "markdown": ("Markdown", "One text to read, without what was taken back."),
    "json": ("JSON", "Complete, in ADK's session format, without results and files."),
    "jsonl": ("JSON Lines", "A line for each event, to query with DuckDB or pandas."),
    "parquet": ("Parquet", "The whole history as tables, in a ZIP."),
}


def export_section() -> None:
    """Choosing a format, and the file."""
    st.header("Export", anchor=False)
    st.caption("All chats. For one, take Export… from its menu in the list of chats; for some, Select several there.")
    form = st.radio(
        "Format",
        list(FORMATS),
        format_func=lambda name: FORMATS[name][0],
        captions=[caption for _, caption in FORMATS.values()],
        key="export-all-format",
    )
    wanted = {"format": form}
    if form != "parquet":
        if st.checkbox("Only saved ones", key="export-saved"):
            wanted["saved"] = "true"
        if _has_others() and st.checkbox("Also those of other users, such as ADK clients", key="export-everyone"):
            wanted["everyone"] = "true"
    with st.container(horizontal=True, vertical_alignment="center"):
        download(f"./api/v1/exports/file?{urlencode(wanted)}")
        snapshot_button()
    st.caption("Passwords of connections are in none of them. The file is made while you save it, however large it is.")


def _has_others() -> bool:
    users = current().store.history_choices().users
    return any(user != current().settings.user for user in users)
