"""The results of the open session beside its chat: everything that its turns produced, newest first."""

from __future__ import annotations

import time
from concurrent.futures import Future
from enum import StrEnum

import streamlit as st
import structlog

from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.attempts import attempt
from colloquy.ui.components import jump_to, wake_on_news
from colloquy.ui.formatting import key_of, label, plain_markdown, short_time
from colloquy.ui.results.cards import anchor_of, body, footer, heading, title_of
from colloquy.ui.state import Part
from session_store.errors import ColloquyError
from session_store.models import Result, ResultKind, SessionKey

RESULTS = 4
"""Results in the panel at first; each click on "Show older results" adds as many again."""

EMPTY = "Tables, charts and files from this chat appear here, with their queries and downloads."

CHOICE = "results_panel"
OPENED_FOR = "results_panel_opened_for"
RERUNS = "result_reruns"
DELETING = "deleting_result"

log = structlog.get_logger()

JUMP = "jump_target"
STEP = 200
ROOM = 10
"""Events above the message that are also on the page."""


class Look(StrEnum):
    """Where the panel shows: always, only if there is room beside the chat, or not at all."""

    OPEN = "open"
    BESIDE = "beside"
    CLOSED = "closed"


@st.fragment
def results_panel(key: SessionKey) -> None:
    """Draws the button that opens the panel, and the panel if it is open.

    It opens by itself if a session has results and there is room beside the chat. What the user chooses applies to this
    tab; on a narrow screen, where the panel covers the chat, only to the one session.
    """
    if state.must_give_way(Part.RESULTS) or state.active_id() != key.session_id:
        state.rerun()
    wake_on_news(key.session_id, words=False)
    count = current().store.results.count(key)
    look = _look(key, count)
    st.button(
        f"Results ({count})" if count else "Results",
        key="open-results",
        icon=":material/table_chart:",
        type="tertiary",
        on_click=_open,
        args=(key,),
    )
    if look is not Look.CLOSED:
        with st.container(key=f"results-{look}"):
            _panel(key, count)
    if target := jump_target():
        jump_to(*target)


def _look(key: SessionKey, count: int) -> Look:
    choice = st.session_state.get(CHOICE)
    if choice is Look.CLOSED or not (count or choice):
        return Look.CLOSED
    return Look.OPEN if st.session_state.get(OPENED_FOR) == key.session_id else Look.BESIDE


def _panel(key: SessionKey, count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="results-head"):
        st.markdown(f"**Results** :gray[{count}]" if count else "**Results**", width="stretch")
        st.button("Close", key="close-results", icon=":material/close:", type="tertiary", on_click=_close)
    if not count:
        st.caption(EMPTY)
        return
    limits = st.session_state.get("result_limits", {})
    results = current().store.results.list(key, limit=limits.get(key.session_id, RESULTS))
    for result in results.items:
        _card(result)
    if results.next:
        st.button(
            "Show older results",
            key="older-results",
            icon=":material/expand_more:",
            type="tertiary",
            on_click=_older,
            args=(key,),
        )


def _card(result: Result) -> None:
    with st.container(key=f"kept-{result.id}", gap="xsmall"):
        heading(result)
        body(result)
        footer(result, short_time(result.created_at))
        if result.sql:
            _query(result.id, result.sql)
        if st.session_state.get(DELETING) == result.id:
            _question(result)
        else:
            _actions(result)


def _query(result_id: str, sql: str) -> None:
    """Draws the query only when it is opened: highlighting it costs the browser time."""
    query = st.expander("Query", key=f"query-{result_id}", type="compact", on_change=state.touch, args=(Part.RESULTS,))
    if query.open:
        query.code(sql, language="sql", wrap_lines=True)


def _actions(result: Result) -> None:
    rerun: Future[Result] | None = st.session_state.get(RERUNS, {}).get(result.id)
    running = rerun is not None and not rerun.done()
    with st.container(horizontal=True, gap="small", key=f"actions-{result.id}"):
        _action("Show in chat", "show", ":material/chat_bubble:", result)
        if result.sql:
            _action("Running…" if running else "Run again", "rerun", ":material/refresh:", result, disabled=running)
        _action("Delete", "delete", ":material/delete:", result)
    if rerun and rerun.done() and (error := rerun.exception()):
        message = (
            str(error)
            if isinstance(error, ColloquyError)
            else "Could not run the query again. See the log for details."
        )
        st.error(plain_markdown(message), icon=":material/error:")


def _action(name: str, what: str, icon: str, result: Result, *, disabled: bool = False) -> None:
    act = {"show": _show, "rerun": _rerun, "delete": _ask}[what]
    st.button(
        name,
        key=f"{what}-{result.id}",
        icon=icon,
        type="tertiary",
        disabled=disabled,
        on_click=act,
        args=(result,),
    )


def _question(result: Result) -> None:
    what = "file" if result.kind is ResultKind.FILE else result.kind.value
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"actions-{result.id}"):
        st.markdown(f"Delete this {what}? It is also removed from the chat, and this cannot be undone.")
        st.button("Delete", key=f"really-{result.id}", type="primary", on_click=_delete, args=(result,))
        st.button("Cancel", key=f"keep-{result.id}", on_click=_keep)


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _open(key: SessionKey) -> None:
    st.session_state[CHOICE] = Look.OPEN
    st.session_state[OPENED_FOR] = key.session_id
    state.touch(Part.RESULTS)


def _close() -> None:
    st.session_state[CHOICE] = Look.CLOSED
    st.session_state.pop(OPENED_FOR, None)
    state.touch(Part.RESULTS)


def _older(key: SessionKey) -> None:
    limits = st.session_state.setdefault("result_limits", {})
    limits[key.session_id] = limits.get(key.session_id, RESULTS) + RESULTS
    state.touch(Part.RESULTS)


def _show(result: Result) -> None:
    st.session_state.pop(OPENED_FOR, None)  # if the panel covers the chat, it makes room
    open_at(result)
    state.touch(Part.PAGE)


def _rerun(result: Result) -> None:
    """Reruns a query. The page never waits for it: the news of its end redraws the panel."""
    st.session_state.setdefault(RERUNS, {})[result.id] = current().rerun(result)
    state.touch(Part.RESULTS)


def _ask(result: Result) -> None:
    st.session_state[DELETING] = result.id
    state.touch(Part.RESULTS)


def _keep() -> None:
    st.session_state.pop(DELETING, None)
    state.touch(Part.RESULTS)


def _delete(result: Result) -> None:
    if attempt(lambda: current().delete_result(result)):
        st.toast(f"Deleted “{label(title_of(result))}”.", icon=":material/delete:")
    _keep()
    state.touch(Part.PAGE)


def jump_target() -> tuple[list[str], int] | None:
    """Returns the keys of the elements that the last jump aims at, best first, and the number of that jump."""
    target: tuple[list[str], int] | None = st.session_state.get(JUMP)
    return target


def open_at(result: Result) -> None:
    """Makes the next run of the page show the message of a result, however old it is."""
    depth, event_ids = _depth(result)
    windows = st.session_state.setdefault("window", {})
    session_id = result.key.session_id
    windows[session_id] = max(windows.get(session_id, 0), depth + ROOM)
    anchors = [anchor_of(result), *(f"copy-{key_of(event_id)}" for event_id in event_ids)]
    st.session_state[JUMP] = (anchors, time.time_ns() // 1_000_000)


def _depth(result: Result) -> tuple[int, list[str]]:
    """Returns how many events from the end the result's turn begins, and the ids of the turn's events, newest first."""
    depth = begin = 0
    ids: list[str] = []
    before = None
    while events := current().store.events.list(result.key, before=before, limit=STEP):
        for stored in reversed(events):
            depth += 1
            if stored.event.invocation_id == result.turn_id:
                begin = depth
                ids.append(stored.event.id)
            elif ids:
                return begin, ids
        before = events[0].seq
    return begin, ids
