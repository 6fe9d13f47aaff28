"""Which answer belongs to which call of a tool, where models and programs give no ids, or the same one twice."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from google.adk.events.event import Event
from google.genai import types

_NAMESPACE: Final = uuid.UUID("0c7b1cf4-6a43-5f0e-8a39-4c7c4ab0f1d2")

T = TypeVar("T")


@dataclass(slots=True)
class _Made(Generic[T]):
    id: str
    name: str
    invocation_id: str
    kept: T
    answers: int = 0


class Calls(Generic[T]):
    """Calls in the order in which they were made, with what somebody keeps of each.

    Calls that share an id are answered in turn. An answer without an id belongs to a call of its name, and so does one
    to a call without an id.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, list[_Made[T]]] = {}
        self._open: defaultdict[str, list[_Made[T]]] = defaultdict(list)
        """Calls that nobody has answered, by their names."""
        self._answered: dict[str, _Made[T]] = {}
        """The call of each name that was answered last."""

    def add(self, call: types.FunctionCall, invocation_id: str, kept: T, *, also: str = "") -> None:
        """Take the next call, which may have another id besides its own."""
        made = _Made(call.id or "", call.name or "", invocation_id, kept)
        self._open[made.name].append(made)
        for call_id in filter(None, {made.id, also}):
            # What was answered before this call was made is not meant by what comes after it.
            waiting = [one for one in self._by_id.get(call_id, ()) if not one.answers]
            self._by_id[call_id] = [*waiting, made]

    def answered_by(self, answer: types.FunctionResponse, invocation_id: str) -> T | None:
        """What is kept of the call that the next answer belongs to; None if nobody made one."""
        made = self._made(answer, invocation_id)
        if made is None:
            return None
        if not made.answers:
            self._open[made.name].remove(made)
        made.answers += 1
        self._answered[made.name] = made
        return made.kept

    def with_id(self, call_id: str, invocation_id: str) -> list[T]:
        """What is kept of the newest calls with an id: those of an invocation, or if it made none, of any."""
        found = self._by_id.get(call_id, [])
        return [one.kept for one in found if one.invocation_id == invocation_id] or [one.kept for one in found]

    def unanswered(self) -> list[T]:
        """What is kept of the calls without an answer, those of a name together."""
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
    """Gives every call of a conversation an id of its own, and each answer that of its call.

    ADK and the providers find what was answered by these ids: they refuse or mix up a history in which calls share one.
    """

    def __init__(self, before: Iterable[Event] = ()) -> None:
        """``before`` are events that stay as they are."""
        self._taken: set[str] = set()
        self._calls: Calls[str] = Calls()
        for event in before:
            for call in event.get_function_calls():
                self._taken.add(call.id or "")
                self._calls.add(call, event.invocation_id, call.id or "")
            for answer in event.get_function_responses():
                self._calls.answered_by(answer, event.invocation_id)

    def settle(self, event: Event) -> list[types.FunctionResponse]:
        """Put the ids in an event right, in place. Returns the answers in it to calls that nobody made."""
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
            event.content = event.content.model_copy(update={"parts": parts})  # the old ones may be the model's own
        return loose

    def _own(self, call: types.FunctionCall, event: Event) -> str:
        """An id that no other call has: that of the call, or one that is the same at every import."""
        own, attempt = call.id or "", 0
        while not own or own in self._taken:
            own = str(uuid.uuid5(_NAMESPACE, f"{event.id}\ncall {attempt}"))
            attempt += 1
        if own != call.id and call.id in (event.long_running_tool_ids or ()):
            event.long_running_tool_ids = {*(event.long_running_tool_ids or ()), own}
        self._taken.add(own)
        self._calls.add(call, event.invocation_id, own, also=own)
        return own


def with_call_ids(events: Sequence[Event]) -> list[Event]:
    """The events with an id of its own for every call, the same at every import, and each answer with that of its
    call."""
    ids = CallIds()
    changed = [event.model_copy() for event in events]
    for event in changed:
        ids.settle(event)
    return changed


def tell_loose(event: Event, loose: Sequence[types.FunctionResponse]) -> None:
    """Make texts of answers in an event to calls that nobody made: models refuse them, and no page shows them."""
    parts = (event.content.parts if event.content else None) or []
    for place, part in enumerate(parts):
        if (answer := part.function_response) and any(answer is one for one in loose):
            text = f"{answer.name or 'tool'}: {json.dumps(answer.response or {}, ensure_ascii=False, default=str)}"
            parts[place] = types.Part(text=text)
