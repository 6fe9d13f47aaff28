"""Draws the messages of a conversation as bubbles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import long_texts
from colloquy.ui.agents import other_author
from colloquy.ui.attempts import attempt
from colloquy.ui.chat.attachments import attachments
from colloquy.ui.chat.message_actions import PERSON, edit_form, message_actions
from colloquy.ui.chat.model_menu import better_model
from colloquy.ui.chat.parts import part_view, sources_view
from colloquy.ui.chat.steps import steps_view
from colloquy.ui.components import Actions, Rating, message_toolbar
from colloquy.ui.formatting import duration, key_of, long_time, plain_markdown, short_time
from colloquy.ui.results.cards import result_view
from session_store.models import Feedback, Result, SessionKey, StoredEvent, Turn, TurnStatus
from session_store.phrases import counted
from session_store.transcripts.parts import FilePart, readable
from session_store.transcripts.transcript import Message, Shown, Step, messages

PARTIAL_MARKS = {
    TurnStatus.STOPPED: "Stopped: this answer is incomplete.",
    TurnStatus.FAILED: "Failed: this answer is incomplete.",
    TurnStatus.INTERRUPTED: "Interrupted: Colloquy exited before this answer was complete.",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How messages look on pages to read, not to chat: with all measurements, and a button to branch.

    ``prefix`` begins the keys of their elements, for pages that show a message twice. The steps of the calls in
    ``opened`` are expanded. ``on_branch`` gets the id of the message to branch at; ``on_version`` the turn to show in
    place of another one of its ``versions``.
    """

    on_branch: Callable[[str], None]
    on_version: Callable[[str], None]
    versions: Mapping[str, tuple[str, ...]]
    prefix: str = ""
    opened: frozenset[str] = frozenset()


BRANCH_HERE = "Branch here"


@dataclass(frozen=True, slots=True)
class Chatting:
    """How messages look in a chat: each has a button to branch, and the user's own can be edited.

    The user can page through the ``versions`` of an edited message. The message of the turn ``editing`` is in a form,
    to be sent again.
    """

    versions: Mapping[str, tuple[str, ...]]
    editing: str | None


@dataclass(frozen=True, slots=True)
class Details:
    """What the page shows with messages besides their events, fetched at once for all of them."""

    key: SessionKey
    turns: Mapping[str, Turn]
    _results: Mapping[str, list[Result]]
    feedback: Mapping[str, Feedback]

    def results_of(self, message: Message, steps: Iterable[Step]) -> list[Result]:
        """Returns the tables, charts and files that steps of a message produced, in order."""
        return [
            result
            for step in steps
            for result in self._results.get(step.call_id, ())
            if (result.key, result.turn_id) == (self.key, message.turn_id)  # models may use a call id twice
        ]


def details_of(key: SessionKey, shown: Iterable[Message]) -> Details:
    """Returns the details of these messages of a session, with at most three queries."""
    store, shown = current().store, list(shown)
    calls = [step.call_id for message in shown for step in message.steps]
    answers = [message.id for message in shown if not message.is_user]
    return Details(
        key,
        store.turns.by_id({message.turn_id for message in shown}) if shown else {},
        store.results.of_calls(calls) if calls else {},
        store.feedback.of_events(key, answers) if answers else {},
    )


NO_ANSWER = {
    TurnStatus.STOPPED: "Stopped before the answer began.",
    TurnStatus.INTERRUPTED: "Colloquy exited before this was answered.",
}


def transcript(key: SessionKey, events: Iterable[StoredEvent], icon: str, chatting: Chatting) -> None:
    """Draws the messages of finished turns."""
    shown = messages(events)
    details = details_of(key, shown)
    ends = {message.turn_id: message for message in shown}
    for message in shown:
        turn = details.turns.get(message.turn_id)
        is_end = message is ends[message.turn_id]
        if turn and message.is_user and chatting.editing == turn.id:
            edit_form(message, turn)
        else:
            bubble(message, details, icon, is_end=is_end, chatting=chatting)
        if turn and is_end:
            no_answer(turn, message, icon)


def no_answer(
    turn: Turn, last: Message, icon: str, *, action: Callable[[], None] | None = None, prefix: str = ""
) -> None:
    """Says why a finished turn has no answer, if its ``last`` message is the user's. ``action`` draws something below;
    ``prefix`` begins the keys of the elements."""
    if not last.is_user or not (turn.error or action or turn.status in PARTIAL_MARKS):
        return
    with st.chat_message("assistant", avatar=icon):
        if turn.error:
            _failure(turn, prefix)
        else:
            st.caption(NO_ANSWER.get(turn.status, "This message is waiting for an answer."))
        if action:
            action()


def _failure(turn: Turn, prefix: str) -> None:
    long_texts.problem(turn.error or "", f"{prefix}failure-{turn.id}", ":material/error:")


def bubble(
    message: Message,
    details: Details,
    icon: str,
    *,
    is_end: bool = False,
    action: Callable[[], None] | None = None,
    reading: Reading | None = None,
    chatting: Chatting | None = None,
) -> None:
    """Draws one message with its toolbar. ``icon`` is the agent's; ``action`` draws something beside the toolbar.

    ``is_end`` says that it is the last message of its turn, which then also shows why the turn failed.
    """
    turn = details.turns.get(message.turn_id)
    with st.chat_message("user" if message.is_user else "assistant", avatar=PERSON if message.is_user else icon):
        prefix = reading.prefix if reading else ""
        draw_parts(message, message.parts, details, prefix=prefix, opened=reading.opened if reading else ())
        if turn and not message.is_user:
            _ending(turn, message, prefix, is_end=is_end)
        if action is None:
            _toolbar(message, details, reading, chatting)
            return
        with st.container(horizontal=True, gap="small", key=f"toolbar-{message.id}"):
            _toolbar(message, details, chatting=chatting)
            action()


def _ending(turn: Turn, message: Message, prefix: str, *, is_end: bool) -> None:
    """Says how a turn ended if it did not complete, and that its answer is incomplete."""
    completed = turn.status is TurnStatus.COMPLETED
    says_nothing = not message.text and turn.status in PARTIAL_MARKS
    if message.partial or says_nothing or (is_end and completed and turn.error):
        st.caption(_partial_mark(turn))
    if is_end and turn.error and not completed:
        _failure(turn, prefix)


def _partial_mark(turn: Turn) -> str:
    """Says why an answer is incomplete. A turn that completed with an incomplete answer has the reason as its error."""
    cut = turn.error if turn.status is TurnStatus.COMPLETED else None
    words = PARTIAL_MARKS.get(turn.status) or plain_markdown(cut or "This answer is incomplete.")
    return f":material/incomplete_circle: {words}"


def draw_parts(
    message: Message,
    parts: Sequence[Shown],
    details: Details,
    *,
    prefix: str = "",
    running: bool = False,
    opened: Collection[str] = (),
) -> None:
    """Draws these parts of a message: files first, sources last. ``prefix`` begins the keys of their elements. See
    ``steps_view``."""
    attachments([part for part in parts if isinstance(part, FilePart)])
    shown = [part for part in parts if not isinstance(part, FilePart)]
    groups = groupby(shown, key=lambda part: isinstance(part, Step))
    for number, (are_steps, some) in enumerate(groups):
        place = f"{prefix}{message.id}-{number}"
        if are_steps:
            steps = [part for part in some if isinstance(part, Step)]
            _steps(steps, message, details, place, running=running, opened=opened)
            continue
        for nth, part in enumerate(some):
            part_view(part, f"{place}-{nth}", by_person=message.is_user)
    sources_view(message.sources)


def _steps(
    steps: Sequence[Step], message: Message, details: Details, place: str, *, running: bool, opened: Collection[str]
) -> None:
    steps_view(steps, details.turns.get(message.turn_id), place, running=running, opened=opened)
    if any(step.guessed for step in steps):
        st.caption(f":material/lightbulb: A small model guessed this query. {better_model()}")
    for result in details.results_of(message, steps):
        result_view(result)


def _toolbar(
    message: Message, details: Details, reading: Reading | None = None, chatting: Chatting | None = None
) -> None:
    note = _details_line(message, details.turns.get(message.turn_id), measured=reading is not None)
    prefix, actions = "", None
    if reading:
        prefix, actions = reading.prefix, _reading_actions(message, reading)
    elif chatting:
        actions = message_actions(details.key, message, details.turns.get(message.turn_id), chatting.versions)
    if message.is_user:
        message_toolbar(prefix + key_of(message.id), note, readable(message.parts), actions=actions)
    else:
        feedback = details.feedback.get(message.id)
        answer_toolbar(details.key, message, note, feedback, prefix=prefix, actions=actions)


def _reading_actions(message: Message, reading: Reading) -> Actions:
    mine = reading.versions.get(message.turn_id, ()) if message.is_user else ()
    version = mine.index(message.turn_id) + 1 if mine else 1
    return Actions(
        (BRANCH_HERE,),
        lambda _: reading.on_branch(message.id),
        version,
        len(mine) or 1,
        lambda number: reading.on_version(mine[number - 1]),
    )


def _details_line(message: Message, turn: Turn | None, *, measured: bool) -> str:
    facts = [long_time(message.at) if measured else short_time(message.at)]
    if turn and not message.is_user:
        if author := other_author(message.author, turn.key.app_name):
            facts.insert(0, author)
        if turn.model:
            facts.append(current().models.label(turn.model))
        if turn.started_at and turn.ended_at:
            facts.append(duration(turn.ended_at - turn.started_at))
        if measured:
            facts += _measures(turn)
    return " · ".join(facts)


def _measures(turn: Turn) -> list[str]:
    """Returns what was measured of a turn besides its duration."""
    facts = []
    if turn.started_at and turn.first_token_at:
        facts.append(f"first word after {duration(turn.first_token_at - turn.started_at)}")
    if turn.input_tokens is not None or turn.output_tokens is not None:
        facts.append(f"{counted(turn.input_tokens or 0, 'token')} in, {turn.output_tokens or 0:,} out")
    return facts


def answer_toolbar(
    key: SessionKey,
    message: Message,
    note: str,
    feedback: Feedback | None,
    *,
    prefix: str = "",
    actions: Actions | None = None,
) -> None:
    """Draws the toolbar below an answer, with thumbs and a comment. ``prefix`` begins the key of its element."""
    rating = Rating(feedback.score, feedback.comment) if feedback else Rating()
    message_toolbar(
        prefix + key_of(message.id),
        note,
        readable(message.parts),
        rating=rating,
        on_rating=partial(_keep, key, message.id),
        actions=actions,
    )


def _keep(key: SessionKey, event_id: str, rating: Rating) -> None:
    attempt(lambda: current().set_feedback(key, event_id, rating.score, rating.comment))
