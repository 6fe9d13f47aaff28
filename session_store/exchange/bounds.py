"""Bounds imported conversations and workspaces to the sizes that pages, models and the store can handle. Whatever is
left out is noted like any other loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from google.adk.events.event import Event
from google.genai import types
from pydantic import ValidationError

from session_store import limits
from session_store.exchange.conversation import ImportedConversation
from session_store.exchange.notes import Notes, quoted
from session_store.models import Result, Turn, Workspace
from session_store.phrases import beginning_of, shortened, size_text
from session_store.sizes import characters_in

LONGEST_FIELD: Final = 1_000
"""Largest number of characters in a generated text of an event, such as a code or a name."""
_KEPT: Final = frozenset({"id", "invocation_id", "content", "actions", "error_message", "timestamp"})
"""Event fields that are bounded separately, here or elsewhere."""


def within_limits(conversation: ImportedConversation) -> ImportedConversation:
    """Returns the conversation with texts and tags within the limits for input here. Whatever is cut is noted."""
    about, notes = conversation.about, conversation.notes
    comments = [_cut(given.comment, limits.LONGEST_COMMENT, "comments", notes) for given in about.feedback]
    notes.left_out(f"tags beyond {limits.MOST_TAGS}", len(about.tags) - limits.MOST_TAGS)
    bounded = replace(
        about,
        title=_cut(about.title, limits.LONGEST_TITLE, "titles", notes),
        note=_cut(about.note, limits.LONGEST_NOTE, "notes", notes),
        tags=about.tags[: limits.MOST_TAGS],
        feedback=tuple(map(lambda one, comment: replace(one, comment=comment), about.feedback, comments)),
        turns=tuple(_bounded_turn(turn, notes) for turn in about.turns),
        state=_bounded_state(about.state, "the state", notes),
        app_state=_bounded_state(about.app_state, "the state of the application", notes),
        user_state=_bounded_state(about.user_state, "the state of the user", notes),
        results=tuple((_usable_result(result, notes), data) for result, data in about.results),
    )
    return replace(conversation, about=bounded)


def _usable_result(result: Result, notes: Notes) -> Result:
    """Returns the result with texts within the limits for results."""
    sql, spec = result.sql, result.spec
    if sql is not None and len(sql) > limits.LONGEST_QUERY:
        notes.left_out(f"queries of more than {limits.LONGEST_QUERY:,} characters")
        sql = None
    if spec is not None and characters_in(spec, limits.LONGEST_QUERY) > limits.LONGEST_QUERY:
        notes.left_out("charts that are too large")
        spec = None
    title = _cut(result.title, limits.LONGEST_TITLE, "titles of results", notes)
    note = _cut(result.note, limits.LONGEST_NOTE, "notes of results", notes)
    return replace(result, sql=sql, spec=spec, title=title, note=note)


def usable_workspace(workspace: Workspace, notes: Notes) -> Workspace:
    """Returns the workspace with a name and data within the limits for input here. Whatever is cut is noted."""
    connection = workspace.connection
    if connection and len(connection.address) > limits.LONGEST_ADDRESS:
        notes.left_out("connections whose address is too long")
        connection = None
    if connection:
        connection = replace(connection, name=_cut(connection.name, limits.LONGEST_NAME, "names of connections", notes))
    name = _cut(workspace.name, limits.LONGEST_NAME, "names of workspaces", notes)
    return replace(workspace, name=name, connection=connection)


def _cut(text: str, longest: int, what: str, notes: Notes) -> str:
    notes.left_out(f"the ends of {what} of more than {longest:,} characters", len(text) > longest)
    return shortened(text, longest)


def bounded_event(event: Event, notes: Notes) -> Event:
    """Bounds the event in place and returns it."""
    if event.content and event.content.parts:
        event.content.parts = _bounded_parts(event.content.parts, notes)
    if event.error_message:
        event.error_message = _bounded_reason(event.error_message, notes)
    for holder in (event, event.actions):
        for name, value in list(holder.__dict__.items()):
            if not value or (holder is event and name in _KEPT):
                continue
            if isinstance(value, str) and len(value) > LONGEST_FIELD:
                notes.left_out(f"the ends of {quoted(name)}")
                setattr(holder, name, value[:LONGEST_FIELD])
            elif not isinstance(value, (str, bool, float)) and not _fits(value, limits.LONGEST_RESULT):
                notes.left_out(f"{quoted(name)} of more than {limits.LONGEST_RESULT:,} characters")
                setattr(holder, name, type(holder).model_fields[name].get_default(call_default_factory=True))
    return event


def _bounded_turn(turn: Turn, notes: Notes) -> Turn:
    """Returns the turn with its message within the same bounds as its event."""
    if _fits([turn.message, turn.error], limits.LONGEST_REASON):
        return turn
    message = turn.message
    try:
        content = types.Content.model_validate(message)
    except ValidationError:
        message = {"role": "user", "parts": []}
        notes.left_out("messages of turns that cannot be read")
    else:
        unnoted = Notes()  # the message's event has noted it already
        content.parts = _bounded_parts(content.parts or [], unnoted)
        if unnoted.all():
            message = content.model_dump(mode="json", exclude_none=True)
    return replace(turn, message=message, error=turn.error and _bounded_reason(turn.error, notes))


def _bounded_state(state: Mapping[str, Any], whose: str, notes: Notes) -> Mapping[str, Any]:
    """Returns the state without the entries that do not fit."""
    if _fits(state, limits.LONGEST_RESULT):
        return state
    kept: dict[str, Any] = {}
    left = limits.LONGEST_STATE
    for name, value in state.items():
        size = characters_in([name, value], limits.LONGEST_RESULT)
        if size > min(left, limits.LONGEST_RESULT):
            notes.left_out(f"{quoted(name)} of {whose}, which is too large")
        else:
            kept[name] = value
            left -= size
    return kept


def _fits(value: object, most: int) -> bool:
    return characters_in(value, most) <= most


def _bounded_reason(reason: str, notes: Notes) -> str:
    notes.left_out("the ends of errors", len(reason) > limits.LONGEST_REASON)
    return beginning_of(reason)


def _bounded_parts(parts: Sequence[types.Part], notes: Notes) -> list[types.Part]:
    notes.left_out(f"parts of messages beyond {limits.MOST_PARTS:,}", len(parts) - limits.MOST_PARTS)
    bounds = _Bounds(notes)
    return [part for part in parts[: limits.MOST_PARTS] if bounds.take(part)]


class _Bounds:
    """The room left in one message."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._words = limits.LONGEST_MESSAGE
        self._data = limits.LONGEST_RESULT
        self._files = limits.LARGEST_FILES

    def take(self, part: types.Part) -> bool:
        """Bounds a part in place. Returns whether anything of it is left."""
        if part.text is not None:
            given, part.text = part.text, self._words_of(part.text)
            return bool(part.text) or not given
        if part.executable_code and part.executable_code.code:
            part.executable_code.code = self._words_of(part.executable_code.code)
        if part.code_execution_result and part.code_execution_result.output:
            part.code_execution_result.output = self._words_of(part.code_execution_result.output)
        if part.function_call and part.function_call.args and not self._has_room(part.function_call.args):
            self._notes.left_out(f"arguments of tools of more than {limits.LONGEST_RESULT:,} characters")
            part.function_call.args = {}
        answer = part.function_response
        if answer and answer.response and not self._has_room(answer.response):
            self._notes.left_out(f"answers of tools of more than {limits.LONGEST_RESULT:,} characters")
            answer.response = {"error": "This answer was too large to be imported."}
        if answer and answer.parts:
            answer.parts = [one for one in answer.parts if self._is_kept(one.inline_data)]
        return self._is_kept(part.inline_data)

    def _words_of(self, text: str) -> str:
        kept = text[: self._words]
        self._words -= len(kept)
        said = f"the ends of messages of more than {limits.LONGEST_MESSAGE:,} characters"
        self._notes.left_out(said, len(kept) < len(text))
        return kept

    def _has_room(self, value: object) -> bool:
        size = characters_in(value, self._data)
        fits = size <= self._data
        self._data -= size if fits else 0
        return fits

    def _is_kept(self, file: types.Blob | types.FunctionResponseBlob | None) -> bool:
        size = len(file.data or b"") if file else 0
        if size > self._files:
            self._notes.left_out(f"files beyond {size_text(limits.LARGEST_FILES)} in one message")
            return False
        self._files -= size
        return True
