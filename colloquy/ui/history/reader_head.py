"""The header of a transcript: what it is, and the actions on it."""

from __future__ import annotations

from html import escape

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.agents import agent_name
from colloquy.ui.analytics.numbers import money
from colloquy.ui.attempts import attempt
from colloquy.ui.data.export_dialog import export_dialog
from colloquy.ui.formatting import label, long_time, short_time
from colloquy.ui.history import links
from colloquy.ui.history.actions import labels
from colloquy.ui.history.view import view_of_url
from colloquy.ui.state import Part
from session_store.history.filters import HistoryFilter
from session_store.history.models import HistoryRow
from session_store.limits import LONGEST_SEARCH
from session_store.models import SessionKey, SessionSummary
from session_store.phrases import counted

CHOICES = 8
"""Chats to choose from for a comparison."""


def reader_head(session: SessionSummary) -> None:
    """Draws the header of a transcript."""
    st.set_page_config(page_title=f"{state.title_of(session)} · History · Colloquy")
    row = current().store.history.row(session.key)
    with st.container(key="reader-head", gap="xsmall"):
        _title(session, row)
        with st.container(horizontal=True, gap="small", key="reader-actions"):
            _go_on_button(session, "")
            st.button(
                "Remove from saved" if session.saved else "Save",
                key="save",
                icon=":material/bookmark_remove:" if session.saved else ":material/bookmark:",
                on_click=_set_saved,
                args=(session,),
            )
            if row:
                labels(row)
            st.button(
                "Export",
                key="export",
                icon=":material/download:",
                on_click=dialogs.show,
                args=(export_dialog, [session.key.session_id], f"“{label(state.title_of(session))}”"),
            )
            st.button(
                "Compare",
                key="history-compare",
                icon=":material/splitscreen_right:",
                on_click=dialogs.show,
                args=(compare_dialog, session.key),
            )


def side_head(session: SessionSummary, prefix: str) -> None:
    """Draws the header of one of two transcripts."""
    with st.container(key=f"{prefix}reader-head", gap="xsmall"):
        _title(session, current().store.history.row(session.key))
        with st.container(horizontal=True, gap="small", key=f"{prefix}reader-actions"):
            _go_on_button(session, prefix)
            st.button(
                "Close the other chat",
                key=f"{prefix}alone",
                icon=":material/close_fullscreen:",
                on_click=_read,
                args=(session.key.session_id,),
            )


def _title(session: SessionSummary, row: HistoryRow | None) -> None:
    st.html(f"<h2>{escape(state.title_of(session))}</h2>{_facts(row) if row else ''}")


def _go_on_button(session: SessionSummary, prefix: str) -> None:
    st.button(
        "Continue chat",
        key=f"{prefix}go-on",
        type="primary",
        icon=":material/forum:",
        on_click=_go_on,
        args=(session.key.session_id,),
    )


def _facts(row: HistoryRow) -> str:
    tokens = row.input_tokens + row.output_tokens
    facts = [
        agent_name(row.agent),
        current().models.label(row.model) if row.model else "",
        row.workspace or "",
        row.key.user_id,
        long_time(row.created_at) + (f" to {long_time(row.updated_at)}" if row.updated_at > row.created_at else ""),
        counted(row.messages, "message"),
        counted(tokens, "token") if tokens else "",
        f"cost {money(row.cost)}" if tokens else "",
    ]
    spans = "".join(f"<span>{escape(fact)}</span>" for fact in facts if fact)
    origin = (
        f'<a href="{escape(links.reader_url(row.branched_from))}">Branch of another chat</a>'
        if row.branched_from
        else ""
    )
    tags = "".join(f"<b>{escape(tag)}</b>" for tag in row.tags)
    note = f"<p>{escape(row.note)}</p>" if row.note else ""
    return f'<div class="history-facts"><div>{spans}{origin}</div>{f"<div>{tags}</div>" if tags else ""}{note}</div>'


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _go_on(session_id: str) -> None:
    state.open_session(session_id)
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)


def _set_saved(session: SessionSummary) -> None:
    attempt(lambda: current().set_saved([session.key], not session.saved))
    state.touch(Part.PAGE)


def _read(session_id: str) -> None:
    links.show(links.reader_parameters(session_id, view=view_of_url()))


@st.dialog("Compare chats", icon=":material/splitscreen_right:", on_dismiss=dialogs.close)
def compare_dialog(key: SessionKey) -> None:
    """Asks which conversation to read beside this one."""
    text = st.text_input(
        "Search",
        key="history-compare-text",
        type="search",
        max_chars=LONGEST_SEARCH,
        placeholder="Words in the other chat",
    )
    found = current().store.history.list(HistoryFilter(text=(text or "").strip()), limit=CHOICES + 1).items
    others = [row for row in found if row.key != key][:CHOICES]
    for row in others:
        if st.button(
            f"{label(row.title or 'New chat')} :gray[· {short_time(row.updated_at)}]",
            key=f"beside-{row.key.session_id}",
            type="tertiary",
            on_click=_read_beside,
            args=(key.session_id, row.key.session_id),
        ):
            state.rerun()
    if not others:
        st.caption("Nothing found. Try different words." if text else "There are no other chats yet.")


def _read_beside(session_id: str, beside: str) -> None:
    dialogs.close()
    links.show(links.reader_parameters(session_id, beside=beside, view=view_of_url()))
