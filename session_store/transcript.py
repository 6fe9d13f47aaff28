"""What a person sees of a session's events: messages, with the steps that agents took on the way to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.adk.events.event import Event
from google.genai import types

from session_store.models import StoredEvent, Turn

USER = "user"

ASKS: Final = "adk_request_confirmation"
"""The function call by which ADK asks a person whether a tool may run."""

GUESSED: Final = "guessed"
"""Key in an event's custom metadata or a call's arguments: a model that calls no tools guessed the query."""

_ATTACHED: Final = re.compile(r"\[Attached file: ([^\n]*)\]\n")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in a message: its bytes, or where it is."""

    name: str
    mime_type: str
    data: bytes | None = field(default=None, repr=False)
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call. ``at`` is in Unix seconds; ``seconds`` is None, like ``response``, until the tool has answered.

    ``asks`` is the hint of a confirmation that the call waits for, or has waited for; ``confirmation_id`` the id of
    that question, ``approved`` its answer, None until there is one.
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

    @property
    def is_asking(self) -> bool:
        """Whether it waits for a person to say that it may run."""
        return self.confirmation_id is not None and self.approved is None and self.response is None

    @property
    def error(self) -> str | None:
        """What the tool says went wrong; None if it says nothing of the kind."""
        error = (self.response or {}).get("error")
        return str(error) if error else None


@dataclass(frozen=True, slots=True)
class Message:
    """One bubble. ``at`` is in Unix seconds; ``id`` is the event's that said its text, ``turn_id`` its invocation's.

    ``text`` may be empty where there are steps or files. The steps come before the text.
    """

    id: str
    turn_id: str
    author: str
    text: str
    at: float
    partial: bool
    """The answer ended before it was complete."""
    steps: tuple[Step, ...] = ()
    files: tuple[FilePart, ...] = ()
    goes_on: bool = False
    """Its last event is a tool call, or the response to one: what the author says next belongs to it."""

    @property
    def is_user(self) -> bool:
        """Whether the person wrote it."""
        return self.author == USER


def text_of(content: types.Content | None) -> str:
    """The text of a content that a person sees: its text parts joined, thoughts and attached text files left out."""
    return "".join(part.text for part in _parts(content) if part.text and not part.thought and not _file(part, content))


def files_of(content: types.Content | None) -> tuple[FilePart, ...]:
    """The files of a content."""
    return tuple(file for part in _parts(content) if (file := _file(part, content)))


def message_text(turn: Turn) -> str:
    """The text of the message that set a turn off."""
    return text_of(_message(turn))


def message_files(turn: Turn) -> tuple[FilePart, ...]:
    """The files of the message that set a turn off."""
    return files_of(_message(turn))


def messages(events: Iterable[StoredEvent]) -> list[Message]:
    """The messages of events, in their order.

    What one agent does in a turn is one message with its last words: tool calls, and what it said between them. An
    agent that hands over to another one leaves its steps to that one.
    """
    transcript = _Transcript()
    for stored in events:
        transcript.take(stored.event)
    return [bubble.message() for bubble in transcript.bubbles]


def _message(turn: Turn) -> types.Content:
    return types.Content.model_validate(turn.message)


def _parts(content: types.Content | None) -> list[types.Part]:
    return (content.parts or []) if content else []


def _file(part: types.Part, content: types.Content | None) -> FilePart | None:
    if blob := part.inline_data:
        return FilePart(blob.display_name or "file", blob.mime_type or "application/octet-stream", blob.data)
    if file := part.file_data:
        uri = file.file_uri or ""
        return FilePart(file.display_name or uri, file.mime_type or "application/octet-stream", uri=uri)
    attached = _ATTACHED.match(part.text) if part.text and content and content.role == USER else None
    if attached and part.text:
        return FilePart(attached[1], "text/plain", part.text[attached.end() :].encode())
    return None


@dataclass(slots=True)
class _Call:
    """A step while events come in."""

    id: str
    name: str
    author: str
    args: Mapping[str, Any]
    at: float
    guessed: bool
    response: Mapping[str, Any] | None = None
    seconds: float | None = None
    asks: str | None = None
    confirmation_id: str | None = None
    approved: bool | None = None

    def answer(self, response: Mapping[str, Any], at: float) -> None:
        self.response, self.seconds = response, max(0.0, at - self.at)

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
        )


@dataclass(slots=True)
class _Bubble:
    """A message while events come in."""

    id: str
    turn_id: str
    author: str
    at: float
    partial: bool = False
    texts: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    files: list[FilePart] = field(default_factory=list)
    goes_on: bool = False

    def message(self) -> Message:
        return Message(
            id=self.id,
            turn_id=self.turn_id,
            author=self.author,
            text="\n\n".join(self.texts),
            at=self.at,
            partial=self.partial,
            steps=tuple(call.step() for call in self.calls),
            files=tuple(self.files),
            goes_on=self.goes_on,
        )


class _Transcript:
    """Puts events together to bubbles."""

    def __init__(self) -> None:
        self.bubbles: list[_Bubble] = []
        self._open: dict[tuple[str, str], _Bubble] = {}
        """Bubbles whose author goes on after a tool call, by invocation and author."""
        self._calls: dict[str, _Call] = {}
        self._questions: dict[str, _Call] = {}

    def take(self, event: Event) -> None:
        """Take the next event."""
        for response in event.get_function_responses():
            self._take_response(response, event)
        text, files = text_of(event.content), files_of(event.content)
        calls = [call for call in event.get_function_calls() if not self._is_question(call, event)]
        if text or files or calls:
            bubble = self._bubble(event)
            if text:
                bubble.texts.append(text)
                bubble.id = event.id
            bubble.files += files
            bubble.calls += [self._call(call, event) for call in calls]
            bubble.at = event.timestamp
            bubble.partial = bool(event.interrupted)
            bubble.goes_on = any(call.response is None for call in bubble.calls)
            if bubble.goes_on:
                self._open[event.invocation_id, event.author] = bubble
        if event.actions.transfer_to_agent:
            self._hand_over(event, event.actions.transfer_to_agent)

    def _bubble(self, event: Event) -> _Bubble:
        """The bubble that the event goes on with, no longer open, or a new one."""
        bubble = self._open.pop((event.invocation_id, event.author), None)
        if bubble is None:
            bubble = _Bubble(event.id, event.invocation_id, event.author, event.timestamp)
            self.bubbles.append(bubble)
        return bubble

    def _hand_over(self, event: Event, to: str) -> None:
        bubble = self._open.get((event.invocation_id, event.author))
        if bubble and not bubble.texts:
            del self._open[event.invocation_id, event.author]
            bubble.author = to
            self._open[event.invocation_id, to] = bubble

    def _call(self, call: types.FunctionCall, event: Event) -> _Call:
        args = {name: value for name, value in (call.args or {}).items() if name != GUESSED}
        guessed = bool((call.args or {}).get(GUESSED) or (event.custom_metadata or {}).get(GUESSED))
        made = _Call(call.id or "", call.name or "", event.author, args, event.timestamp, guessed)
        self._calls[made.id] = made
        return made

    def _is_question(self, call: types.FunctionCall, event: Event) -> bool:
        """Whether a call asks the person about another call, which is noted there."""
        if call.name != ASKS:
            return False
        args = call.args or {}
        about = self._calls.get(str((args.get("originalFunctionCall") or {}).get("id")))
        if about and call.id:
            about.asks = str((args.get("toolConfirmation") or {}).get("hint") or "")
            about.confirmation_id, about.approved, about.response = call.id, None, None
            about.at = event.timestamp
            self._questions[call.id] = about
        return True

    def _take_response(self, response: types.FunctionResponse, event: Event) -> None:
        name, call_id, said = response.name, response.id or "", response.response or {}
        if name == ASKS:
            if question := self._questions.get(call_id):
                question.approved = _confirmed(said)
                question.at = event.timestamp
        elif (call := self._calls.get(call_id)) and call_id not in event.actions.requested_tool_confirmations:
            call.answer(said, event.timestamp)


def _confirmed(response: Mapping[str, Any]) -> bool:
    """A person's answer; clients of ADK may send it as JSON in a string."""
    if set(response) == {"response"} and isinstance(response["response"], str):
        try:
            response = json.loads(response["response"])
        except ValueError:
            return False
    return isinstance(response, Mapping) and response.get("confirmed") is True
