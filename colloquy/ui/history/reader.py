"""A transcript to read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import long_texts, state
from colloquy.ui.agents import icon_of
from colloquy.ui.attempts import attempt
from colloquy.ui.chat.transcript import Reading, bubble, details_of, no_answer
from colloquy.ui.demo import demo_mark
from colloquy.ui.history import links
from colloquy.ui.history.links import neighbours
from colloquy.ui.history.reader_head import reader_head, side_head
from colloquy.ui.history.view import view_of_url
from colloquy.ui.history.window import (
    Window,
    mark,
    show_around,
    show_end,
    show_newer,
    show_older,
    show_place,
    window_of,
)
from colloquy.ui.state import Part
from session_store.history.words import words_of
from session_store.models import SessionKey, SessionSummary, StoredEvent
from session_store.transcripts.transcript import Message, messages

FIRST, LAST = "first", "last"
"""Used instead of the id of a message to scroll to."""
GONE = "This chat no longer exists. It was deleted, or it belongs to another data folder."


def reader(session_id: str, wanted: str | None, beside: str | None, text: str) -> None:
    """Draws the transcript of a session, opened at the event ``wanted``, with another session ``beside`` it.

    The words in ``text`` are highlighted.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="history-top"):
        view = view_of_url()
        back, words = ":material/arrow_back:", "Back to the list" if view.filters else "All chats"
        st.button(words, key="history-back", icon=back, type="tertiary", on_click=links.back_to_list)
        demo_mark()
        session = current().store.sessions.get(session_id)
        if session and not beside:
            neighbours(session.key, view)
    if beside and beside != session_id:
        _side_by_side(session_id, wanted, beside, text)
        return
    if session is None:
        st.warning(GONE)
        return
    reader_head(session)
    _transcript(session, wanted, text, prefix="")


def _side_by_side(session_id: str, wanted: str | None, beside: str, text: str) -> None:
    """Draws two transcripts that scroll separately; on a phone, one at a time."""
    names = ("First", "Second")
    sides = [current().store.sessions.get(one) for one in (session_id, beside)]
    with st.container(key="history-switch"):
        shown = st.segmented_control(
            "Chat", names, default=names[0], required=True, key="history-side", label_visibility="collapsed"
        )
    hidden = "right" if shown == names[0] else "left"
    st.html(f"<i></i><style>@media (max-width: 640px) {{ .st-key-history-{hidden} {{ display: none; }} }}</style>")
    for column, place, session in zip(st.columns(2, gap="medium"), ("left", "right"), sides, strict=True):
        with column, st.container(key=f"history-{place}"):
            if session is None:
                st.warning(GONE)
                continue
            side_head(session, f"{place}-")
            _transcript(session, wanted if place == "left" else None, text, prefix=f"{place}-")


def _transcript(session: SessionSummary, wanted: str | None, text: str, *, prefix: str) -> None:
    key = session.key
    window = window_of(key, wanted)
    shown = messages(window.events)
    if not shown:
        st.caption("This chat has no messages yet.")
        return
    found = _found(window.events, wanted)
    if wanted and found is None and not current().store.events.around(key, wanted, limit=1):
        st.info("The message this link points to no longer exists.", icon=":material/link_off:")
    with st.container(key=f"{prefix}transcript"):
        place = shown[found[0]].id if found else None
        if window.older:
            _more(prefix, "older", "Show older messages", partial(show_older, key, wanted), shown[0].id)
        reading = Reading(
            partial(_branch, session),
            partial(_show_version, key, wanted, prefix),
            current().store.turns.versions(key),
            prefix,
            found[1] if found else frozenset(),
        )
        _bubbles(session, shown, reading, place, text)
        if window.newer:
            _more(prefix, "newer", "Show newer messages", partial(show_newer, key, wanted), shown[-1].id)
    _end_buttons(session, window, wanted, prefix)
    if place:
        mark(prefix, place)
    ends = {FIRST: shown[0].id, LAST: shown[-1].id}
    aim = links.aim(prefix)
    show_place(prefix, ends.get(aim, aim) or place, text, links.opened())


def _bubbles(session: SessionSummary, shown: list[Message], reading: Reading, found: str | None, text: str) -> None:
    details = details_of(session.key, shown)
    icon = icon_of(current().agents.find(session.key.app_name))
    last = {message.turn_id: message for message in shown}
    for message in shown:
        is_end = message is last[message.turn_id]
        with long_texts.seeking(words_of(text) if message.id == found else (), links.opened()):
            bubble(message, details, icon, is_end=is_end, reading=reading)
        turn = details.turns.get(message.turn_id)
        if turn and is_end:
            no_answer(turn, message, icon, prefix=reading.prefix)
            if not turn.status.is_over:
                st.caption(":material/pending: The agent is answering …")


def _found(events: list[StoredEvent], wanted: str | None) -> tuple[int, frozenset[str]] | None:
    """Finds the message that an event belongs to.

    Returns its index among the messages of the events, and the ids of the tool calls in the event; None if it is not
    there.
    """
    place = next((number for number, stored in enumerate(events) if stored.event.id == wanted), None)
    if place is None:
        return None
    before, after = messages(events[:place]), messages(events[: place + 1])
    changed = (number for number, message in enumerate(after) if number >= len(before) or before[number] != message)
    calls = frozenset(call.id for call in events[place].event.get_function_calls() if call.id)
    number = next(changed, len(after) - 1)
    return (number, calls) if number >= 0 else None


def _more(prefix: str, kind: str, words: str, widen: Callable[[], None], aim: str) -> None:
    st.button(
        words,
        key=f"{prefix}{kind}",
        icon=":material/expand_less:" if kind == "older" else ":material/expand_more:",
        width="stretch",
        on_click=_widen,
        args=(widen, prefix, aim),
    )


def _end_buttons(session: SessionSummary, window: Window, wanted: str | None, prefix: str) -> None:
    if not (window.older or window.newer):
        return
    with st.container(horizontal=True, key=f"{prefix}ends"):
        for words, oldest, there in (("To the start", True, window.older), ("To the end", False, window.newer)):
            if there:
                go = partial(show_end, session.key, wanted, oldest=oldest)
                aim = FIRST if oldest else LAST
                st.button(words, key=f"{prefix}end-{oldest}", type="tertiary", on_click=_widen, args=(go, prefix, aim))


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _widen(widen: Callable[[], None], prefix: str, aim: str) -> None:
    """Shows more, and keeps the message ``aim`` in view."""
    widen()
    links.aim_at(prefix, aim)


def _show_version(key: SessionKey, wanted: str | None, prefix: str, turn_id: str) -> None:
    """Switches to a version of a message, as in the chat: the conversation returns to the state it had then."""
    turn = current().store.turns.get(turn_id)
    if turn and attempt(lambda: current().turns.show(turn)):
        asked = current().store.events.of_turn(turn)[0].event.id
        show_around(key, wanted, asked)
        links.aim_at(prefix, asked)


def _branch(session: SessionSummary, event_id: str) -> None:
    def branch() -> None:
        made = current().branch_session(session.key, event_id)
        state.open_session(made.key.session_id)
        state.go_to(state.CHAT)

    if attempt(branch):
        state.touch(Part.PAGE)
