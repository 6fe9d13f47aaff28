"""The live end of a conversation: its last turns, the running answer and the message input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from colloquy.runtime.application import current
from colloquy.runtime.attachments import Attachment
from colloquy.runtime.turns.live import LiveView
from colloquy.ui import long_texts, state
from colloquy.ui.agents import other_author
from colloquy.ui.attempts import attempt
from colloquy.ui.chat.attachments import attachments
from colloquy.ui.chat.context_mark import context_mark
from colloquy.ui.chat.message_actions import PERSON, edit_form, editing
from colloquy.ui.chat.message_input import Refused, commands, input_of, message_input
from colloquy.ui.chat.model_menu import sendable
from colloquy.ui.chat.parts import streamed, typed
from colloquy.ui.chat.steps import arguments
from colloquy.ui.chat.transcript import Chatting, Details, bubble, details_of, draw_parts, no_answer
from colloquy.ui.components import Command, follow_end, wake_on_news
from colloquy.ui.formatting import label
from colloquy.ui.state import Part
from session_store.errors import ColloquyError
from session_store.models import SessionKey, SessionStatus, SessionSummary, StoredEvent, Turn, TurnStatus
from session_store.transcripts.transcript import Message, Shown, Step, message_files, message_text, messages

TAIL_EVENTS = 200
TAIL_TURNS = 6
"""Above this number of turns, the part of the page that does not rerun with every chunk takes them over."""


@st.fragment
def live_end(key: SessionKey, settled: Sequence[StoredEvent], first: int, title: str, icon: str) -> None:
    """Draws everything after the ``settled`` events as it happens, and the input for the next message.

    It reruns on its own, at every chunk of a running answer and every message sent, without redrawing the older
    messages of the ``settled`` events above it. ``title`` is the title on the page. If there are no settled events,
    ``first`` is the ``seq`` that the conversation is shown from.
    """
    if state.must_give_way(Part.LIVE) or not state.shows(key, title):
        state.rerun()
    wake_on_news(key.session_id)
    live = current().turns.live(key)  # before the store is read: see LiveView
    events = _events(key, settled, first)
    shown = messages(events)
    details = details_of(key, shown)
    chatting = Chatting(current().store.turns.versions(key), editing())
    under_way = {view.turn.id for view in live}
    over = [message for message in shown if message.turn_id not in under_way]
    _over(over, details, icon, chatting, is_end=not live)
    for view in live:
        _not_over(view, [message for message in shown if message.turn_id == view.turn.id], details, events, icon)
    context_mark(key, [*settled, *events])
    _end_mark(key)
    if not live:
        current().mark_seen(key)
    session = current().store.sessions.find(key)
    message_input(
        input_of(key),
        partial(_send, key, crowded=len(details.turns) > TAIL_TURNS),
        commands=_commands(session),
        above=partial(_above_input, key, live),
    )


def _events(key: SessionKey, settled: Sequence[StoredEvent], first: int) -> list[StoredEvent]:
    """Returns the events after the settled ones.

    If the last settled event was taken back, by an edit or for another version of a message, in this tab or elsewhere,
    the messages above it are out of date too: the whole page is redrawn.
    """
    anchor = settled[-1].seq if settled else first
    events = current().store.events.list(key, after=anchor - 1, limit=TAIL_EVENTS + 1)
    if anchor and len(events) <= TAIL_EVENTS and [event.seq for event in events[:1]] != [anchor]:
        state.rerun()
    return [event for event in events if event.seq > anchor or not settled][-TAIL_EVENTS:]


def _commands(session: SessionSummary | None) -> Sequence[Command]:
    if session is None:
        return ()
    agent = current().agents.find(session.key.app_name)
    return commands(agent, current().store.workspaces.get(session.workspace_id))


def _above_input(key: SessionKey, live: Sequence[LiveView]) -> None:
    """Draws the button that leads to the end of the conversation, and the button that stops the running answer."""
    follow_end(key.session_id, st.session_state.get("sent", 0))
    if live and not _waits(live[0]) and not live[0].status.is_over:
        _stop_button(live[0], "Stop")


def _waits(view: LiveView) -> bool:
    """Returns whether a turn has not begun."""
    return view.status is TurnStatus.QUEUED and not view.answers


def _end_mark(key: SessionKey) -> None:
    session = current().store.sessions.find(key)
    if session and session.status is SessionStatus.TERMINATED:
        st.caption(":material/power_settings_new: Terminated. Send a message to continue.")


def _over(shown: Sequence[Message], details: Details, icon: str, chatting: Chatting, *, is_end: bool) -> None:
    last = details.turns.get(shown[-1].turn_id) if shown and is_end else None
    ends = {message.turn_id: message for message in shown}
    if chatting.editing in details.turns:
        last = None  # trying again would discard the message being edited
    for message in shown:
        turn = details.turns.get(message.turn_id)
        ends_turn = message is ends[message.turn_id]
        again = partial(_retry_button, turn, message) if turn and turn == last and message is shown[-1] else None
        if turn and message.is_user and chatting.editing == turn.id:
            edit_form(message, turn)
        else:
            action = None if message.is_user else again
            bubble(message, details, icon, is_end=ends_turn, action=action, chatting=chatting)
        if turn and ends_turn:
            no_answer(turn, message, icon, action=again)


def _retry_button(turn: Turn, last: Message) -> None:
    """Draws a button that runs a turn again, or for the first time if it never ran, as in a branch that ends with a
    question."""
    waits = last.is_user and turn.status is TurnStatus.COMPLETED and not turn.error
    name, icon = ("Answer it", ":material/play_arrow:") if waits else ("Try again", ":material/refresh:")
    st.button(name, key=f"retry-{turn.id}", icon=icon, type="tertiary", on_click=_retry, args=(turn,))


def _not_over(
    view: LiveView, mine: Sequence[Message], details: Details, events: Iterable[StoredEvent], icon: str
) -> None:
    """Draws a running turn: what is stored of it, with its current activity in the bubble that it belongs to."""
    if not any(message.is_user for message in mine):
        _message_of(view.turn)
    saying = bool(view.pieces) and all(stored.event.id != view.event_id for stored in events)
    open_bubbles = [
        message for message in mine if message.goes_on and (not saying or view.author in (None, message.author))
    ]
    for message in mine:
        if open_bubbles and message is open_bubbles[-1]:
            _running(view, message, details, icon, saying=saying)
        else:
            bubble(message, details, icon)
    if open_bubbles or (mine and not mine[-1].is_user and not saying and not view.problem):
        return  # either everything is said or the turn is about to end: no further bubble for that moment
    _running(view, None, details, icon, saying=saying)


def _message_of(turn: Turn) -> None:
    """Draws the message of a turn that is not stored as an event yet."""
    with st.chat_message("user", avatar=PERSON):
        attachments(message_files(turn))
        typed(message_text(turn), f"asked-{turn.id}")


def _running(view: LiveView, message: Message | None, details: Details, icon: str, *, saying: bool) -> None:
    """Draws the bubble that grows; ``message`` is the part of it that is stored."""
    turn = view.turn
    with st.chat_message("assistant", avatar=icon):
        asking, going = _parts(view, message)
        if message:
            draw_parts(message, going, details, running=True)
        for step in asking:
            confirmation_card(turn.id, step)
        if saying:
            streamed(view.shown)
        doing = _doing(view, going) if not saying and not asking else ""
        if doing:
            with st.container(key=f"thinking-{turn.id}"):
                st.caption(doing)
        if view.problem:
            long_texts.problem(view.problem, f"problem-{turn.id}", ":material/error:")
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"running-{turn.id}"):
            speaker = view.author if saying else message.author if message else None
            if speaker and (author := other_author(speaker, turn.key.app_name)):
                st.caption(label(author), width="content")
            if _waits(view):
                _stop_button(view, "Withdraw")


def _doing(view: LiveView, going: Sequence[Shown]) -> str:
    """Says what a turn is doing while it has no words to show; empty if the steps in ``going`` say it."""
    if view.status is TurnStatus.QUEUED:
        return "Queued"
    if view.status.is_over:
        return ""
    workspaces = current().workspaces
    session = None if workspaces.has_shop else current().store.sessions.find(view.turn.key)
    if session and workspaces.lacks_shop(session.workspace_id):
        return "Opening the sample shop…"
    return "" if any(part.response is None for part in going if isinstance(part, Step)) else "Thinking"


def _parts(view: LiveView, message: Message | None) -> tuple[list[Step], list[Shown]]:
    """Returns the steps that wait for the user's approval, and all other parts of the message."""
    asking: list[Step] = []
    going: list[Shown] = []
    for part in message.parts if message else ():
        if not isinstance(part, Step):
            going.append(part)
            continue
        answer = view.answers.get(part.confirmation_id or "")
        if part.is_asking and answer is None:
            asking.append(part)
        else:
            going.append(part if answer is None else replace(part, approved=answer))
    return asking, going


def _stop_button(view: LiveView, name: str) -> None:
    st.button(
        name,
        key=f"stop-{view.turn.id}",
        icon=":material/stop_circle:",
        type="tertiary",
        on_click=_stop,
        args=(view.turn.id,),
    )


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _send(key: SessionKey, text: str, files: Sequence[Attachment], *, crowded: bool) -> Refused | None:
    kept, reasons = sendable(files, current().store.sessions.get(key.session_id))
    if reasons:
        return Refused(reasons, kept)
    try:
        current().turns.submit(key, text, files)
    except ColloquyError as error:
        return Refused([str(error)], files)
    st.session_state.sent = st.session_state.get("sent", 0) + 1
    state.touch(Part.PAGE if crowded else Part.LIVE)
    return None


def _retry(turn: Turn) -> None:
    attempt(lambda: current().turns.retry(turn))
    state.touch(Part.LIVE)


def _stop(turn_id: str) -> None:
    current().turns.stop(turn_id)
    state.touch(Part.LIVE)


ADKS_OWN_HINT = "Please approve or reject the tool call"
"""ADK's default text for tools that have no text of their own; it addresses programmers, not users."""


def confirmation_card(turn_id: str, step: Step) -> None:
    """Asks the user whether a tool may run with these arguments."""
    with st.container(border=True, key=f"confirm-{step.confirmation_id}"):
        st.markdown(f":material/front_hand: **Allow {label(step.author)} to run {label(step.name)}?**")
        if step.asks and not step.asks.startswith(ADKS_OWN_HINT):
            long_texts.markdown(step.asks, f"asks-{step.confirmation_id}")
        arguments(step, f"asks-{step.confirmation_id}")
        with st.container(horizontal=True):
            _button(turn_id, step, "Approve", approved=True)
            _button(turn_id, step, "Decline", approved=False)


def _button(turn_id: str, step: Step, name: str, *, approved: bool) -> None:
    st.button(
        name,
        key=f"{name.lower()}-{step.confirmation_id}",
        icon=":material/check:" if approved else ":material/block:",
        type="primary" if approved else "secondary",
        on_click=_answer,
        args=(turn_id, step.confirmation_id, approved),
    )


def _answer(turn_id: str, confirmation_id: str, approved: bool) -> None:  # noqa: FBT001 - Streamlit passes it by position
    attempt(lambda: current().turns.answer(turn_id, confirmation_id, approved))
    state.touch(Part.LIVE)
