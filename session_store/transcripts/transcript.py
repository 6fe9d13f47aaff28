"""Builds the messages that the user sees from a session's events, with the steps that agents took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.adk.events.event import Event
from google.genai import types

from session_store.models import StoredEvent, Turn
from session_store.transcripts.call_ids import Calls
from session_store.transcripts.parts import (
    USER,
    Code,
    FilePart,
    Output,
    Part,
    Source,
    Thought,
    Words,
    add_part,
    files_of,
    heard_on,
    parts_of,
    responses_of,
    sources_of,
    speaker_of,
    text_of,
    words_in,
)

ASKS: Final = "adk_request_confirmation"
"""The function call with which ADK asks the user whether a tool may run."""

STILL_AT_WORK: Final = "The tool has not answered yet; it may still be at work."
"""The error that stands in for the answer of a tool that keeps running after its turn."""

UNFINISHED: Final = frozenset({"pending", "queued", "running", "in_progress", "in progress", "processing", "waiting"})
"""Values of ``status`` in the answer of a long-running tool whose result is still to come."""

GUESSED: Final = "guessed"
"""Key in an event's custom metadata or a call's arguments: the query was guessed for a model that calls no tools."""


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call. ``at`` is in Unix seconds; ``seconds`` and ``response`` are None until the tool has answered.

    ``asks`` is the hint of a confirmation that the call waits or waited for; ``confirmation_id`` is the id of that
    question, ``approved`` its answer, None until there is one. A tool that ``waits`` keeps running after its turn: its
    result is still to come.
    """

    call_id: str
    name: str
    author: str
    args: Mapping[str, Any] = field(hash=False)
    response: Mapping[str, Any] | None = field(hash=False)
    at: float
    seconds: float | None = None
    asks: str | None = None
    confirmation_id: str | None = None
    approved: bool | None = None
    guessed: bool = False
    waits: bool = False

    @property
    def is_asking(self) -> bool:
        """Whether it waits for the user's approval to run."""
        return self.confirmation_id is not None and self.approved is None and self.response is None

    @property
    def error(self) -> str | None:
        """The error that the tool reported; None without one."""
        error = (self.response or {}).get("error")
        return str(error) if error else None


Shown = Words | Thought | Code | Output | FilePart | Step
"""What a message consists of."""


@dataclass(frozen=True, slots=True)
class Message:
    """One bubble. ``at`` is in Unix seconds; ``id`` is the id of the event with its words, ``turn_id`` that of its
    invocation.

    Its ``parts`` are in the order in which they were said and done; every view shows them.
    """

    id: str
    turn_id: str
    author: str
    at: float
    partial: bool
    """Whether the answer ended before it was complete."""
    parts: tuple[Shown, ...] = ()
    sources: tuple[Source, ...] = ()
    goes_on: bool = False
    """Whether its last event is a tool call, a tool response, or another intermediate step: what the author says next
    belongs to this message."""

    @property
    def is_user(self) -> bool:
        """Whether the user wrote it."""
        return self.author == USER

    @property
    def text(self) -> str:
        """Its words, possibly none. See ``words_in``."""
        return words_in(self.parts)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its tool calls."""
        return tuple(part for part in self.parts if isinstance(part, Step))

    @property
    def files(self) -> tuple[FilePart, ...]:
        """Its files."""
        return tuple(part for part in self.parts if isinstance(part, FilePart))


def message_text(turn: Turn) -> str:
    """Return the text of the message that started a turn."""
    return text_of(_message(turn))


def message_files(turn: Turn) -> tuple[FilePart, ...]:
    """Return the files of the message that started a turn."""
    return files_of(_message(turn))


def messages(events: Iterable[StoredEvent]) -> list[Message]:
    """Return the messages of the events, in order.

    Everything that one agent does in a turn becomes one message with its last words: tool calls, and what it said
    between them. An agent that hands over to another one passes its steps on to it.
    """
    transcript = _Transcript()
    for stored in events:
        transcript.take(stored.event)
    return [bubble.message() for bubble in transcript.bubbles]


def _message(turn: Turn) -> types.Content:
    return types.Content.model_validate(turn.message)


@dataclass(slots=True)
class _Call:
    """A step while events come in."""

    id: str
    name: str
    author: str
    args: Mapping[str, Any]
    at: float
    guessed: bool
    long_running: bool = False
    waits: bool = False
    response: Mapping[str, Any] | None = None
    seconds: float | None = None
    asks: str | None = None
    confirmation_id: str | None = None
    approved: bool | None = None

    def answer(self, response: Mapping[str, Any], at: float) -> None:
        """Record an answer, unless it only says that the tool is still running."""
        if response.get("error") == STILL_AT_WORK:
            self.waits = True
            return
        self.waits = self.long_running and str(response.get("status")).lower() in UNFINISHED
        self.response, self.seconds = response, None if self.waits else max(0.0, at - self.at)

    def step(self) -> Step:
        return Step(
            call_id=self.id,
            name=self.name,
            author=self.author,
            args=self.args,
            response=self.response,
            at=self.at,
            seconds=self.seconds,
            asks=self.asks,
            confirmation_id=self.confirmation_id,
            approved=self.approved,
            guessed=self.guessed,
            waits=self.waits,
        )


@dataclass(slots=True)
class _Bubble:
    """A message while events come in."""

    id: str
    turn_id: str
    author: str
    at: float
    partial: bool = False
    parts: list[Words | Thought | Code | Output | FilePart | _Call] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    goes_on: bool = False

    @property
    def is_heard(self) -> bool:
        """Whether it ends with words of which more may be heard."""
        return bool(self.parts) and isinstance(self.parts[-1], Words) and self.parts[-1].heard is False

    def hear(self, text: str, *, ended: bool) -> None:
        """Continue the words that were heard last."""
        match self.parts[-1]:
            case Words(text=before):
                self.parts[-1] = Words(heard_on(before, text), heard=ended)

    def message(self) -> Message:
        return Message(
            id=self.id,
            turn_id=self.turn_id,
            author=self.author,
            at=self.at,
            partial=self.partial,
            parts=tuple(part.step() if isinstance(part, _Call) else part for part in self.parts),
            sources=tuple(self.sources.values()),
            goes_on=self.goes_on,
        )


class _Transcript:
    """Combines events into bubbles."""

    def __init__(self) -> None:
        self.bubbles: list[_Bubble] = []
        self._open: dict[tuple[str, str], _Bubble] = {}
        """Bubbles whose author continues after a tool call, by invocation and author."""
        self._calls: Calls[_Call] = Calls()
        self._questions: dict[str, _Call] = {}

    def take(self, event: Event) -> None:
        """Process the next event."""
        for response in responses_of(event):
            self._take_response(response, event)
        parts = [
            part
            for part in parts_of(event)
            if not (isinstance(part, types.FunctionCall) and self._is_question(part, event))
        ]
        if parts:
            self._show(event, parts)
        elif sources := sources_of(event):
            self._add_sources(event, sources)
        if event.turn_complete or event.interrupted:
            self._close_heard(event)
        if event.actions.transfer_to_agent:
            self._hand_over(event, event.actions.transfer_to_agent)

    def _show(self, event: Event, parts: Sequence[Part]) -> None:
        author = speaker_of(event)
        bubble = self._bubble(event, author)
        if any(isinstance(part, Words | Code) or (isinstance(part, Output) and not part.node) for part in parts):
            bubble.id = event.id
        for part in parts:
            if isinstance(part, types.FunctionCall):
                bubble.parts.append(self._call(part, event))
            elif isinstance(part, Words) and part.heard is not None and bubble.is_heard:
                bubble.hear(part.text, ended=part.heard)
            elif not isinstance(part, Words) or part.text:
                add_part(bubble.parts, part)
        bubble.sources |= {source.url or source.title: source for source in sources_of(event)}
        bubble.at = event.timestamp
        bubble.partial = bool(event.interrupted)
        waits = any(part.response is None for part in bubble.parts if isinstance(part, _Call))
        bubble.goes_on = waits or _is_on_the_way(bubble.parts[-1:])
        if bubble.goes_on or bubble.is_heard:
            self._open[event.invocation_id, author] = bubble
        if not bubble.parts:  # the end of speech of which nothing was heard
            self.bubbles.pop()

    def _add_sources(self, event: Event, sources: Iterable[Source]) -> None:
        """Add sources that come by themselves, as in live conversations, to what their author said last."""
        for bubble in reversed(self.bubbles):
            if (bubble.turn_id, bubble.author) == (event.invocation_id, event.author):
                bubble.sources |= {source.url or source.title: source for source in sources}
                return

    def _close_heard(self, event: Event) -> None:
        """Close the speech heard so far: what is heard from now on is new."""
        for place, bubble in list(self._open.items()):
            if place[0] == event.invocation_id and bubble.is_heard:
                bubble.hear("", ended=True)
                del self._open[place]

    def _bubble(self, event: Event, author: str) -> _Bubble:
        """Return the bubble that the event continues and close it, or a new one."""
        bubble = self._open.pop((event.invocation_id, author), None)
        heard = event.input_transcription or event.output_transcription
        if bubble and bubble.is_heard and heard and heard.finished is None and bubble is not self.bubbles[-1]:
            bubble = None  # some models mark no ends: another speaker's words are the end
        if bubble is None:
            bubble = _Bubble(event.id, event.invocation_id, author, event.timestamp)
            self.bubbles.append(bubble)
        return bubble

    def _hand_over(self, event: Event, to: str) -> None:
        bubble = self._open.get((event.invocation_id, event.author))
        if bubble and not any(isinstance(part, Words) for part in bubble.parts):
            del self._open[event.invocation_id, event.author]
            bubble.author = to
            self._open[event.invocation_id, to] = bubble

    def _call(self, call: types.FunctionCall, event: Event) -> _Call:
        args = {name: value for name, value in (call.args or {}).items() if name != GUESSED}
        guessed = bool((call.args or {}).get(GUESSED) or (event.custom_metadata or {}).get(GUESSED))
        made = _Call(call.id or "", call.name or "", event.author, args, event.timestamp, guessed)
        made.long_running = call.id in (event.long_running_tool_ids or ())
        self._calls.add(call, event.invocation_id, made)
        return made

    def _is_question(self, call: types.FunctionCall, event: Event) -> bool:
        """Whether a call asks the user about another call. If so, the question is recorded there."""
        if call.name != ASKS:
            return False
        args = call.args or {}
        calls = self._calls.with_id(str((args.get("originalFunctionCall") or {}).get("id")), event.invocation_id)
        if calls and call.id:
            about = next((one for one in calls if one.confirmation_id is None), calls[-1])
            about.asks = str((args.get("toolConfirmation") or {}).get("hint") or "")
            about.confirmation_id, about.approved, about.response = call.id, None, None
            about.at = event.timestamp
            self._questions[call.id] = about
        return True

    def _take_response(self, response: types.FunctionResponse, event: Event) -> None:
        name, call_id, answer = response.name, response.id or "", response.response or {}
        if name == ASKS:
            if question := self._questions.get(call_id):
                question.approved = _confirmed(answer)
                question.at = event.timestamp
        elif call_id in event.actions.requested_tool_confirmations:
            return  # it only says that the user is being asked
        elif call := self._calls.answered_by(response, event.invocation_id):
            call.answer(answer, event.timestamp)


def _is_on_the_way(last: Sequence[object]) -> bool:
    """Whether the last part is only an intermediate step: a thought, code, or what a node of a workflow passed on."""
    return any(isinstance(part, Thought | Code) or (isinstance(part, Output) and bool(part.node)) for part in last)


def _confirmed(response: Mapping[str, Any]) -> bool:
    """Parse the user's answer. ADK clients may send it as a JSON string."""
    if set(response) == {"response"} and isinstance(response["response"], str):
        try:
            response = json.loads(response["response"])
        except ValueError:
            return False
    return isinstance(response, Mapping) and response.get("confirmed") is True
