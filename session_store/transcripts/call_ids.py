"""Matches tool answers to tool calls when models and programs give no ids, or the same id twice."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from google.adk.events.event import Event
from google.genai import types

OWN_IDS: Final = uuid.UUID("0c7b1cf4-6a43-5f0e-8a39-4c7c4ab0f1d2")

T = TypeVar("T")


@dataclass(slots=True)
class _Made(Generic[T]):
    id: str
    name: str
    invocation_id: str
    kept: T
    answers: int = 0


class Calls(Generic[T]):
    """Calls in the order in which they were made, each with a value that the caller attaches.

    Calls that share an id are answered in turn. An answer without an id belongs to a call with its tool name, and so
    does an answer to a call without an id.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, list[_Made[T]]] = {}
        self._open: defaultdict[str, list[_Made[T]]] = defaultdict(list)
        """Unanswered calls, by tool name."""
        self._answered: dict[str, _Made[T]] = {}
        """The most recently answered call of each tool name."""

    def add(self, call: types.FunctionCall, invocation_id: str, kept: T, *, also: str = "") -> None:
        """Add the next call. ``also`` is a second id for it."""
        made = _Made(call.id or "", call.name or "", invocation_id, kept)
        self._open[made.name].append(made)
        for call_id in filter(None, {made.id, also}):
            # A call that was answered before this one was made is not meant by later answers.
            waiting = [one for one in self._by_id.get(call_id, ()) if not one.answers]
            self._by_id[call_id] = [*waiting, made]

    def answered_by(self, answer: types.FunctionResponse, invocation_id: str) -> T | None:
        """Return the value attached to the call that the next answer belongs to; None if there is no such call."""
        made = self._made(answer, invocation_id)
        if made is None:
            return None
        if not made.answers:
            self._open[made.name].remove(made)
        made.answers += 1
        self._answered[made.name] = made
        return made.kept

    def with_id(self, call_id: str, invocation_id: str) -> list[T]:
        """Return the values of the newest calls with an id: those of the given invocation or, if it made none, of
        any."""
        found = self._by_id.get(call_id, [])
        return [one.kept for one in found if one.invocation_id == invocation_id] or [one.kept for one in found]

    def unanswered(self) -> list[T]:
        """Return the values of the calls without an answer, grouped by tool name."""
        return [one.kept for made in self._open.values() for one in made]

    def _made(self, answer: types.FunctionResponse, invocation_id: str) -> _Made[T] | None:
        found = self._by_id.get(answer.id or "", [])
        if not found:
            name = answer.name or ""
            found = [one for one in self._open[name] if not (answer.id and one.id)]
            last = self._answered.get(name)
            if not found and last and not (answer.id and last.id):
                found = [last]
        here = [one for one in found if one.invocation_id == invocation_id] or [one for one in found if not one.answers]
        return min(here or found, key=lambda one: one.answers, default=None)


class CallIds:
    """Gives every call in a conversation a unique id, and each answer the id of its call.

    ADK and the providers match answers to calls by these ids: they refuse or mix up a history in which calls share one.
    """

    def __init__(self, before: Iterable[Event] = ()) -> None:
        """``before`` are events that stay unchanged."""
        self._taken: set[str] = set()
        self._calls: Calls[str] = Calls()
        for event in before:
            for call in event.get_function_calls():
                self._taken.add(call.id or "")
                self._calls.add(call, event.invocation_id, call.id or "")
            for answer in event.get_function_responses():
                self._calls.answered_by(answer, event.invocation_id)

    def settle(self, event: Event) -> list[types.FunctionResponse]:
        """Correct the ids in an event, in place. Returns its answers that belong to no call."""
        before = (event.content.parts if event.content else None) or []
        parts, loose = list(before), []
        for place, part in enumerate(before):
            if call := part.function_call:
                if (own := self._own(call, event)) != call.id:
                    parts[place] = part.model_copy(update={"function_call": call.model_copy(update={"id": own})})
            elif answer := part.function_response:
                found = self._calls.answered_by(answer, event.invocation_id)
                if found is None:
                    loose.append(answer)
                elif found != answer.id:
                    parts[place] = part.model_copy(
                        update={"function_response": answer.model_copy(update={"id": found})}
                    )
        if event.content and parts != before:
            event.content = event.content.model_copy(update={"parts": parts})  # the old parts may be the model's own
        return loose

    def _own(self, call: types.FunctionCall, event: Event) -> str:
        """Return an id that no other call has: the call's own, or a generated one that is the same at every import."""
        own, attempt = call.id or "", 0
        while not own or own in self._taken:
            own = str(uuid.uuid5(OWN_IDS, f"{event.id}\ncall {attempt}"))
            attempt += 1
        if own != call.id and call.id in (event.long_running_tool_ids or ()):
            event.long_running_tool_ids = {*(event.long_running_tool_ids or ()), own}
        self._taken.add(own)
        self._calls.add(call, event.invocation_id, own, also=own)
        return own


def with_call_ids(events: Sequence[Event]) -> list[Event]:
    """Return the events with a unique id for every call, the same at every import, and each answer with the id of its
    call."""
    ids = CallIds()
    changed = [event.model_copy() for event in events]
    for event in changed:
        ids.settle(event)
    return changed


def tell_loose(event: Event, loose: Sequence[types.FunctionResponse]) -> None:
    """Replace answers that belong to no call by texts: models refuse them, and no page shows them."""
    parts = (event.content.parts if event.content else None) or []
    for place, part in enumerate(parts):
        if (answer := part.function_response) and any(answer is one for one in loose):
            text = f"{answer.name or 'tool'}: {json.dumps(answer.response or {}, ensure_ascii=False, default=str)}"
            parts[place] = types.Part(text=text)
