"""An event's columns about tools: the outcomes of their calls, and a text to search in, which also contains what
surrounds a message, such as thoughts and sources."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from google.adk.events.event import Event

from session_store.transcripts.parts import details_in
from session_store.transcripts.transcript import GUESSED, STILL_AT_WORK

LONGEST_TEXT: Final = 4_000
"""Maximum characters of one event's text: the beginning of a table with thousands of rows is enough to find it."""
ADKS_OWN: Final = "adk_request_"
"""Prefix of the names of ADK's own calls, with which it requests something."""
DECLINED: Final = "This tool call is rejected."
"""What ADK answers in place of a tool that the user did not approve."""
STOPPED: Final = "The user stopped this before the tool had answered."
ABORTED: Final = "Invocation was aborted by client."
"""What ADK answers in place of a tool that a stop has cut off."""
ENDED: Final = "Colloquy ended before the tool had answered."
NOT_IMPORTED: Final = "The conversation was imported before the tool had answered."
NOT_ANSWERED: Final = frozenset({DECLINED, STILL_AT_WORK, STOPPED, ABORTED, ENDED, NOT_IMPORTED})
"""Errors that stand in for an answer: the tool has neither succeeded nor failed."""


class CallOutcome(StrEnum):
    """What an event says about a tool call."""

    CALLED = "called"
    WAITING = "waiting"
    """Waiting for the user; the answer is still to come."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNANSWERED = "unanswered"
    """No answer will come."""


class ToolColumns(NamedTuple):
    """An event's tool columns: the name of the tool for each answer that was an error, a text to search in besides that
    of the message, and the calls and answers in order, as a JSON list of objects with ``id``, ``tool`` and ``outcome``.
    Empty columns are None."""

    errors: list[str] | None = None
    text: str | None = None
    uses: str | None = None


class _Part(NamedTuple):
    """A call with its arguments, or an answer with its response."""

    tool: str
    call_id: str
    data: Mapping[str, Any]


def tool_columns(event: Event) -> ToolColumns:
    """Return the tool columns of an event."""
    parts = (event.content.parts if event.content else None) or ()
    calls = [_Part(call.name or "", call.id or "", call.args or {}) for part in parts if (call := part.function_call)]
    answers = [
        _Part(answer.name or "", answer.id or "", answer.response or {})
        for part in parts
        if (answer := part.function_response)
    ]
    columns = ToolColumns()
    if calls or answers:
        columns = _columns(calls, answers, event.actions.requested_tool_confirmations)
    details = details_in(event)
    return columns._replace(text="\n".join(filter(None, (columns.text, details)))) if details else columns


def tool_columns_of_json(data: str) -> ToolColumns:
    """Return the tool columns of an event that was stored as JSON."""
    event = json.loads(data)
    parts = (event.get("content") or {}).get("parts") or ()
    calls = [
        _Part(call.get("name") or "", call.get("id") or "", call.get("args") or {})
        for part in parts
        if (call := part.get("function_call"))
    ]
    answers = [
        _Part(answer.get("name") or "", answer.get("id") or "", answer.get("response") or {})
        for part in parts
        if (answer := part.get("function_response"))
    ]
    return _columns(calls, answers, (event.get("actions") or {}).get("requested_tool_confirmations") or ())


def _columns(calls: Iterable[_Part], answers: Iterable[_Part], waiting: Container[str]) -> ToolColumns:
    """Build the columns. ``waiting`` contains the ids of calls that only wait for the user so far: ADK reports those as
    errors."""
    uses = [(part, CallOutcome.CALLED) for part in calls if not part.tool.startswith(ADKS_OWN)]
    uses += [
        (part, CallOutcome.WAITING if part.call_id in waiting else _outcome(part.data))
        for part in answers
        if not part.tool.startswith(ADKS_OWN)
    ]
    errors = [part.tool for part, outcome in uses if outcome is CallOutcome.FAILED]
    texts = [f"{part.tool} {_words(part.data)}" for part, outcome in uses if outcome is not CallOutcome.WAITING]
    # Without an id, a call can be recognized only by its tool.
    listed = [{"id": part.call_id or part.tool, "tool": part.tool, "outcome": outcome} for part, outcome in uses]
    return ToolColumns(errors or None, "\n".join(texts)[:LONGEST_TEXT] or None, json.dumps(listed) if listed else None)


def _outcome(response: Mapping[str, Any]) -> CallOutcome:
    error = response.get("error")
    if not error:
        return CallOutcome.SUCCEEDED
    return CallOutcome.UNANSWERED if isinstance(error, str) and error in NOT_ANSWERED else CallOutcome.FAILED


def _words(value: object) -> str:
    """Write JSON the way people do: they do not search for quotes and backslashes."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_words(inner)}" for name, inner in value.items() if name != GUESSED)
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return value if isinstance(value, str) else json.dumps(value, default=str)
