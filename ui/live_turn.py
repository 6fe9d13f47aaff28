"""The end of a conversation, where it goes on: its last turns, the running answer and the chat input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import streamlit as st
from google.adk.events.event import Event

from runtime.live import LiveView
from runtime.workbench import current
from session_store.errors import ColloquyError
from session_store.models import SessionKey, StoredEvent, Turn, TurnStatus
from session_store.transcript import USER, Message, message_text, messages
from ui import state
from ui.components import follow_end, wake_on_news
from ui.formatting import untrusted_markdown
from ui.message_input import message_input
from ui.state import Part
from ui.transcript import PERSON, bubble

TAIL_EVENTS = 200
TAIL_TURNS = 6
"""More turns than this are handed over to the part of the page that does not rerun with every chunk."""

NO_ANSWER = {
    TurnStatus.STOPPED: "Stopped before the first word.",
    TurnStatus.INTERRUPTED: "Colloquy ended before this was answered.",
}


@st.fragment
def live_end(key: SessionKey, after: int, title: str, icon: str) -> None:
    """Everything after the event ``after`` (a ``seq``), as it happens, and the input for the next message.

    It reruns on its own, at every chunk of a running answer and every message sent: the older messages above it are
    not touched. ``title`` is the one they stand under.
    """
    if state.must_give_way(Part.LIVE) or not state.shows(key, title):
        st.rerun()
    wake_on_news(key.session_id)
    live = current().turns.live(key)  # before the store is read: see LiveView
    events = current().store.list_events(key, after=after, limit=TAIL_EVENTS)
    turns = current().store.get_turns({event.event.invocation_id for event in events})
    _over(events, turns, icon, live)
    for view in live:
        _not_over(view, events, icon)
    if not live:
        current().store.mark_seen(key)
    follow_end(key.session_id, st.session_state.get("sent", 0))
    message_input(f"input-{key.session_id}", partial(_send, key, crowded=len(turns) > TAIL_TURNS))


def _over(events: Iterable[StoredEvent], turns: dict[str, Turn], icon: str, live: list[LiveView]) -> None:
    shown = messages(events)
    last = turns.get(shown[-1].turn_id) if shown and not live else None
    for message in shown:
        turn = turns.get(message.turn_id)
        action = None
        if turn and turn == last:
            if message.is_user and st.session_state.get("editing") == turn.id:
                _edit_form(message, turn)
                continue
            if message.is_user or message is shown[-1]:  # agents inside an agent answer with several messages
                action = partial(_edit_button if message.is_user else _retry_button, turn)
        bubble(message, turn, icon, action=action)
    if last and (last.error or shown[-1].is_user):
        _no_answer(last, icon, retry=shown[-1].is_user)


def _no_answer(turn: Turn, icon: str, *, retry: bool) -> None:
    """Why the last turn has no answer, or only a part of one."""
    with st.chat_message("assistant", avatar=icon):
        if turn.error:
            st.error(untrusted_markdown(turn.error), icon=":material/error:")
        else:
            st.caption(NO_ANSWER.get(turn.status, "No answer."))
        if retry:
            _retry_button(turn)


def _edit_form(message: Message, turn: Turn) -> None:
    """The last message of the person, to be changed and sent again."""
    with st.chat_message("user", avatar=PERSON), st.form(f"edit-form-{turn.id}", border=False):
        st.text_area("Message", value=message.text, key=f"edited-{turn.id}", label_visibility="collapsed")
        with st.container(horizontal=True):
            st.form_submit_button("Send again", type="primary", on_click=_send_again, args=(turn,))
            st.form_submit_button("Cancel", type="tertiary", on_click=_edit, args=(None,))


def _edit_button(turn: Turn) -> None:
    st.button("Edit", key=f"edit-{turn.id}", icon=":material/edit:", type="tertiary", on_click=_edit, args=(turn.id,))


def _retry_button(turn: Turn) -> None:
    st.button(
        "Try again", key=f"retry-{turn.id}", icon=":material/refresh:", type="tertiary", on_click=_retry, args=(turn,)
    )


def _not_over(view: LiveView, events: Iterable[StoredEvent], icon: str) -> None:
    turn, stored = view.turn, [event.event for event in events if event.event.invocation_id == view.turn.id]
    if not stored:
        with st.chat_message("user", avatar=PERSON):
            st.markdown(untrusted_markdown(message_text(turn)))
    saying = view.text and not any(event.id == view.event_id for event in stored)
    if stored and _is_answer(stored[-1]) and not saying and not view.problem:
        return  # all is said, and the turn is about to end: no second bubble for that moment
    waiting = view.status is TurnStatus.QUEUED
    with st.chat_message("assistant", avatar=icon):
        if saying:
            st.markdown(untrusted_markdown(view.text))
        else:
            with st.container(key=f"thinking-{turn.id}"):
                st.caption("Waiting for its turn" if waiting else "Thinking")
        if view.problem:
            st.error(untrusted_markdown(view.problem), icon=":material/error:")
        st.button(
            "Withdraw" if waiting else "Stop",
            key=f"stop-{turn.id}",
            icon=":material/stop_circle:",
            type="tertiary",
            on_click=_stop,
            args=(turn.id,),
        )


def _is_answer(event: Event) -> bool:
    return event.author != USER and event.is_final_response()


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _send(key: SessionKey, text: str, *, crowded: bool) -> None:
    if _attempt(lambda: current().turns.submit(key, text)):
        st.session_state.sent = st.session_state.get("sent", 0) + 1
        state.touch(Part.PAGE if crowded else Part.LIVE)


def _send_again(turn: Turn) -> None:
    text = st.session_state[f"edited-{turn.id}"]
    if _attempt(lambda: current().turns.replace(turn, text)):
        _edit(None)


def _retry(turn: Turn) -> None:
    _attempt(lambda: current().turns.retry(turn))
    state.touch(Part.LIVE)


def _edit(turn_id: str | None) -> None:
    st.session_state.editing = turn_id
    state.touch(Part.LIVE)


def _stop(turn_id: str) -> None:
    current().turns.stop(turn_id)
    state.touch(Part.LIVE)


def _attempt(act: Callable[[], object]) -> bool:
    """Do something that may be refused. Says why in a toast; returns whether it was done."""
    try:
        act()
    except ColloquyError as error:
        st.toast(str(error), icon=":material/error:")
        return False
    return True
