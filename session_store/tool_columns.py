"""What the columns of an event say about the tools in it: which of them failed, and a text to search in."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

from google.adk.events.event import Event

from session_store.transcript import GUESSED

LONGEST_TEXT: Final = 4_000
"""Characters of the text of one event: the beginning of a table of thousands of rows is enough to find it by."""
ADKS_OWN: Final = "adk_request_"
"""How the names of the calls begin by which ADK asks for something."""
DECLINED: Final = "This tool call is rejected."
"""What ADK says in the place of a tool that a person did not allow: that tool has not failed."""

Call = tuple[str, Mapping[str, Any]]
"""Name and arguments."""
Answer = tuple[str, str, Mapping[str, Any]]
"""Name, id of the call and response."""
ToolColumns = tuple[list[str] | None, str | None]
"""``tool_errors``: the name of a tool for each of its answers that was an error; ``tool_text``."""


def tool_columns(event: Event) -> ToolColumns:
    """The columns of an event."""
    parts = (event.content.parts if event.content else None) or ()
    calls = [(part.function_call.name or "", part.function_call.args or {}) for part in parts if part.function_call]
    answers = [
        (answer.name or "", answer.id or "", answer.response or {})
        for answer in (part.function_response for part in parts)
        if answer
    ]
    return _columns(calls, answers, event.actions.requested_tool_confirmations) if calls or answers else (None, None)


def tool_columns_of_json(data: str) -> ToolColumns:
    """The columns of an event that was stored as JSON."""
    event = json.loads(data)
    parts = (event.get("content") or {}).get("parts") or ()
    calls = [
        (call.get("name") or "", call.get("args") or {})
        for call in (part.get("function_call") for part in parts)
        if call
    ]
    answers = [
        (answer.get("name") or "", answer.get("id") or "", answer.get("response") or {})
        for answer in (part.get("function_response") for part in parts)
        if answer
    ]
    return _columns(calls, answers, (event.get("actions") or {}).get("requested_tool_confirmations") or ())


def _columns(calls: Iterable[Call], answers: Iterable[Answer], waiting: Container[str]) -> ToolColumns:
    """``waiting`` are ids of calls that only wait for a person so far: ADK calls that an error."""
    said = [(name, args) for name, args in calls if not name.startswith(ADKS_OWN)]
    heard = [answer for answer in answers if not answer[0].startswith(ADKS_OWN) and answer[1] not in waiting]
    errors = [name for name, _, response in heard if (error := response.get("error")) and error != DECLINED]
    texts = [f"{name} {_words(args)}" for name, args in said]
    texts += [f"{name} {_words(response)}" for name, _, response in heard]
    return errors or None, "\n".join(texts)[:LONGEST_TEXT] or None


def _words(value: object) -> str:
    """JSON as people write it: what they search for has no quotes and backslashes in it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_words(inner)}" for name, inner in value.items() if name != GUESSED)
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return value if isinstance(value, str) else json.dumps(value, default=str)
