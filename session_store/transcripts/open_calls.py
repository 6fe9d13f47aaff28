"""Finds unanswered tool calls, and closes them once no answer will come.

Models refuse a history with a call that has no response, and a page would show a tool that runs forever.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.adk.events.event import Event
from google.genai import types

from session_store.transcripts.call_ids import OWN_IDS, Calls
from session_store.transcripts.parts import USER
from session_store.transcripts.transcript import ASKS


@dataclass(frozen=True, slots=True)
class ToolQuestion:
    """A tool's question to the user. ``call_id`` is the id of the call that it is about, ``branch`` the branch of that
    call among the agents."""

    call_id: str
    branch: str | None


def questions(events: Iterable[Event]) -> dict[str, ToolQuestion]:
    """Return the tools' questions that the user has not answered, by the ids of the asking calls."""
    asked: dict[str, ToolQuestion] = {}
    for event in events:
        for call in event.get_function_calls():
            if call.name == ASKS and call.id:
                about = (call.args or {}).get("originalFunctionCall") or {}
                asked[call.id] = ToolQuestion(str(about.get("id", "")), event.branch)
        for response in event.get_function_responses():
            asked.pop(response.id or "", None)
    return asked


def confirmation_content(responses: Mapping[str, Mapping[str, Any]]) -> types.Content:
    """Build the message that answers the questions, by the ids of the asking calls."""
    return types.Content(
        role="user",
        parts=[
            types.Part(function_response=types.FunctionResponse(id=call_id, name=ASKS, response=dict(response)))
            for call_id, response in responses.items()
        ],
    )


def closing_events(events: Iterable[Event], reason: str, *, only: frozenset[str] | None = None) -> list[Event]:
    """Return events that close the open calls among the events of a finished invocation: a question is declined, every
    other call gets ``reason`` as its error. ``only`` limits this to the calls with these ids."""
    listed = list(events)
    made: list[Event] = []
    asked = [call_id for call_id in questions(listed) if only is None or call_id in only]
    if asked:
        declined = confirmation_content({call_id: {"confirmed": False} for call_id in asked})
        made.append(Event(author=USER, content=declined))
    by_agent: defaultdict[tuple[str, str | None, str | None], list[types.FunctionCall]] = defaultdict(list)
    for event, call in _open_calls(listed):
        if only is None or call.id in only:
            by_agent[event.author, event.branch, event.isolation_scope].append(call)
    for (author, branch, scope), answered in by_agent.items():
        parts = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"error": reason}))
            for call in answered
        ]
        content = types.Content(role="user", parts=parts)
        made.append(Event(author=author, branch=branch, isolation_scope=scope, content=content))
    for event in made:
        event.invocation_id = listed[0].invocation_id
    return made


def with_closed_calls(events: Sequence[Event], reason: str) -> list[Event]:
    """Return the events of a conversation in which nothing runs any more, with every open call closed.

    The closing events follow the last event of their invocation, have its timestamp, and always get the same ids.
    """
    open_ids = frozenset({*questions(events), *(call.id or "" for _, call in _open_calls(events))})
    if not open_ids:
        return list(events)
    closing: dict[int, list[Event]] = {}
    for places in _by_invocation(events):
        calls = [call.id for place in places for call in events[place].get_function_calls()]
        if open_ids.isdisjoint(calls):
            continue
        last = events[places[-1]]
        closing[places[-1]] = made = closing_events((events[place] for place in places), reason, only=open_ids)
        for number, event in enumerate(made):
            event.id = str(uuid.uuid5(OWN_IDS, f"{last.id}\n{number}"))
            event.timestamp = last.timestamp
    return [one for place, event in enumerate(events) for one in (event, *closing.get(place, ()))]


def _by_invocation(events: Sequence[Event]) -> list[list[int]]:
    """Return the positions of each invocation's events. Events without an invocation belong together until the user's
    next message."""
    stretches: dict[tuple[str, int], list[int]] = {}
    messages = 0
    for place, event in enumerate(events):
        if not event.invocation_id and event.author == USER and not event.get_function_responses():
            messages += 1
        stretches.setdefault((event.invocation_id, 0 if event.invocation_id else messages), []).append(place)
    return list(stretches.values())


def _open_calls(events: Iterable[Event]) -> list[tuple[Event, types.FunctionCall]]:
    """Return calls without a response, and those whose only response says that the user is being asked."""
    calls: Calls[tuple[Event, types.FunctionCall]] = Calls()
    for event in events:
        for call in event.get_function_calls():
            if call.name != ASKS:
                calls.add(call, event.invocation_id, (event, call))
        for response in event.get_function_responses():
            if response.id not in event.actions.requested_tool_confirmations:
                calls.answered_by(response, event.invocation_id)
    return calls.unanswered()
