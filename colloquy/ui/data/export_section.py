"""The export section of the page: all chats, filtered chats or the whole history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui.agents import agent_name
from colloquy.ui.data.export_dialog import download
from colloquy.ui.data.snapshot import snapshot_button
from colloquy.ui.formatting import label
from session_store.exchange import chats_by_user
from session_store.history.filters import HistoryFilter, only
from session_store.phrases import counted

FORMATS: Final = {
    "zip": ("ZIP", "Everything: chats, results, files and workspaces. Can be imported again, here or elsewhere."),
    "markdown": ("Markdown", "One readable document, without retracted messages."),
    "json": ("JSON", "All messages, in ADK's session format, without results and files."),
    "jsonl": ("JSON Lines", "One line per event, for DuckDB or pandas."),
    "parquet": ("Parquet", "The whole history as tables, in a ZIP."),
}

MOST_USERS: Final = 4
"""Maximum number of users named with the number of their chats; the others are summed up."""


def export_section() -> None:
    """Draws the choice of a format, and the download."""
    st.header("Export", anchor=False)
    st.caption("To export one chat, use Export… in its menu in the chat list; for several, use Select several there.")
    form = st.radio(
        "Format",
        list(FORMATS),
        format_func=lambda name: FORMATS[name][0],
        captions=[caption for _, caption in FORMATS.values()],
        key="export-all-format",
    )
    user, agent, saved = (None, None, False) if form == "parquet" else _which()
    filters = HistoryFilter(users=only(user), agents=only(agent), saved=saved or None)
    found = chats_by_user(current().store, filters)
    wanted = {"format": form, "user": user, "agent": agent, "everyone": "true" if user is None else None}
    if saved:
        wanted["saved"] = "true"
    if not found:
        st.caption("No chats to export." if filters.is_everything else "No chats match these filters.")
        return
    st.markdown(f"Exports {how_many(found)}.")
    with st.container(horizontal=True, vertical_alignment="center"):
        download(f"./api/v1/exports/file?{urlencode({name: value for name, value in wanted.items() if value})}")
        snapshot_button()
    st.caption("Connection passwords are never included. The file is created while it downloads.")


def _which() -> tuple[str | None, str | None, bool]:
    """Returns the chosen user and agent, None for all, and whether only saved chats are wanted."""
    choices = current().store.history.choices()
    with st.container(horizontal=True, vertical_alignment="bottom", key="export-filters"):
        user = _one("User", "export-user", choices.users)
        agent = _one("Agent", "export-agent", choices.agents, agent_name)
        return user, agent, st.checkbox("Saved chats only", key="export-saved")


def _one(name: str, key: str, options: Sequence[str], written: Callable[[str], str] = str) -> str | None:
    """Draws a choice of one option; returns None for all."""
    if len(options) < 2:
        return None
    return st.selectbox(
        name, [None, *options], format_func=lambda one: "All" if one is None else written(one), key=key, width=200
    )


def how_many(found: Mapping[str, int]) -> str:
    """Says in Markdown how many chats there are, and whose."""
    total = sum(found.values())
    chats = counted(total, "chat")
    if len(found) == 1:
        return f"**{chats}** of {label(next(iter(found)))}"
    named = [f"{number:,} of {label(user)}" for user, number in list(found.items())[:MOST_USERS]]
    rest = sum(list(found.values())[MOST_USERS:])
    return f"**{chats}**: {', '.join([*named, *([f'{rest:,} of others'] if rest else [])])}"
