"""Reads events written by any version of ADK as events of the installed version.

Only what the installed version does not know or cannot accept is left out, and it is noted by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from google.adk.events.event import Event
from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from session_store.exchange.bounds import bounded_event
from session_store.exchange.conversation import stable_id
from session_store.exchange.fields import as_object, tells_time, time_of
from session_store.exchange.notes import (
    BACKWARDS,
    Notes,
    has_content,
    more_values_than,
    nested_deeper_than,
    quoted,
    shallow,
)
from session_store.limits import LARGEST_EVENT
from session_store.transcripts.parts import USER

MOST_REPAIRS: Final = 50
"""Rounds of removing what fails validation. Each round finds everything that can be found without the round before
it."""

DEEPEST_IN_EVENT: Final = 150
"""Levels of nesting allowed in an event: pydantic reads no more than 200, including the levels it adds."""
MOST_VALUES: Final = 3_000_000
"""Values allowed in one event. The largest tool answer allowed has fewer."""
_ROUTED: Final = ("message", "state", "route", "node_path")
"""Names that the constructors of ADK's events accept and store elsewhere. ADK never writes them as fields of a file."""
_ROLES: Final = ("user", "model")
_LARGEST_COUNT: Final = 2**31
_OBJECTS: Final = {"args": "input", "response": "result"}
"""The arguments and the answer of a tool, each with the key to wrap it under when it is not an object."""


@dataclass(slots=True)
class EventReader:
    """Reads the events of one session.

    ``name`` tells the session apart from others and is used to make ids for events without one. ``agent`` is the author
    of events that name none. ``otherwise`` is the time of the events if none of them has a time.
    """

    name: str
    agent: str
    otherwise: float
    notes: Notes
    exact: bool = False
    """Whether this program wrote the events. If so, their structure is left unchanged."""

    def read(self, documents: Iterable[object]) -> list[Event]:
        """Returns the events that the JSON objects describe, in order. Timestamps never go backwards, whatever the
        clocks said."""
        events: list[Event] = []
        for number, document in enumerate(documents, start=1):
            try:
                event = self._event(document, number)
            except RecursionError:
                event = None
            if (
                event is None
                and nested_deeper_than(DEEPEST_IN_EVENT, document)
                and not more_values_than(MOST_VALUES, document)
            ):
                event = self._event(shallow(document, DEEPEST_IN_EVENT, self.notes), number)
            if event is None:
                self.notes.left_out("events that cannot be read")
            else:
                events.append(event)
        self._date(events)
        if self.exact:
            return events
        if _newest_first([event.timestamp for event in events]):
            events.reverse()
        events = self._distinct(events)
        self._go_on(events)
        self._group(events)
        return events

    def _event(self, document: object, number: int) -> Event | None:
        if not isinstance(document, dict) or not has_content(document) or more_values_than(MOST_VALUES, document):
            return None
        fields = dict(document)
        if not fields.get("id"):
            fields["id"] = stable_id("event", self.name, str(number))
            self.notes.added("ids of events")
        given = fields.pop("timestamp", None)
        at = float(given) if self.exact and isinstance(given, (int, float)) else time_of(given)
        if at is None and tells_time(given):
            self.notes.left_out(quoted("timestamp"))
        self._route(fields)
        event = self._validated(fields)
        if event is None:
            return None
        _note_unread(fields, event.model_dump(mode="json", by_alias=True, exclude_none=True), self.notes)
        if not self.exact:
            self._name_speakers(event)
        bounded_event(event, self.notes)
        event.timestamp = math.nan if at is None else at
        return event

    def _name_speakers(self, event: Event) -> None:
        """Makes sure that an event has an author and that its content has a role that models know."""
        if not event.author:
            event.author = USER if event.content and event.content.role == USER else self.agent
            self.notes.added("authors of events")
        if event.content and event.content.role not in (None, *_ROLES):
            said_by_person = event.author == USER or event.get_function_responses()
            event.content.role = _ROLES[0] if said_by_person else _ROLES[1]
            self.notes.converted(quoted("content.role"))

    def _route(self, fields: dict[str, Any]) -> None:
        for name in _ROUTED:
            value = fields.pop(name, None)
            if name == "message" and isinstance(value, dict) and not fields.get("content"):
                fields["content"] = value
            elif has_content(value):
                self.notes.left_out(quoted(name))

    def _validated(self, fields: dict[str, Any]) -> Event | None:
        """Returns the event without the fields that fail validation. Those are removed from ``fields`` and noted."""
        for _ in range(MOST_REPAIRS):
            document = json.dumps(fields)
            if len(document) > LARGEST_EVENT:
                return None
            try:
                event = Event.model_validate_json(document)
            except ValidationError as error:
                places = {
                    _place(fields, problem["loc"]): problem["type"]
                    for problem in error.errors(include_url=False, include_input=False, include_context=False)
                }
                if () in places:
                    return None
                for place in _innermost(places):
                    self._repair(fields, place, as_text=places[place] == "string_type")
            else:
                return event if self.exact else self._countable(event)
        return None

    def _repair(self, fields: dict[str, Any], place: tuple[str | int, ...], *, as_text: bool) -> None:
        *above, last = place
        holder: Any = fields
        for step in above:
            holder = holder[step]
        value = holder[last]
        name = quoted(".".join(step for step in place if isinstance(step, str)))
        if last in _OBJECTS and value is not None and not isinstance(value, dict):
            holder[last] = as_object(value, _OBJECTS[str(last)])
            self.notes.converted(name)
            return
        if as_text and value is not None:
            holder[last] = json.dumps(value, ensure_ascii=False)
            self.notes.converted(name)
            return
        del holder[last]
        if has_content(value):
            self.notes.left_out(name)
        if isinstance(holder, dict) and not holder and above and isinstance(above[-1], int):
            # Models reject a content part with nothing in it.
            self._repair(fields, tuple(above), as_text=False)

    def _countable(self, event: Event) -> Event:
        counts = event.usage_metadata.model_dump().values() if event.usage_metadata else ()
        if any(isinstance(count, int) and not 0 <= count < _LARGEST_COUNT for count in counts):
            event.usage_metadata = None  # noted like every other part of the event that is left out
        return event

    def _date(self, events: Sequence[Event]) -> None:
        """Gives each event without a time the time of the event before it or, failing that, of the next event that has
        one."""
        undated = sum(math.isnan(event.timestamp) for event in events)
        if not undated:
            return
        self.notes.added("times of events", undated)
        known = next((event.timestamp for event in events if not math.isnan(event.timestamp)), self.otherwise)
        for event in events:
            known = event.timestamp = known if math.isnan(event.timestamp) else event.timestamp

    def _go_on(self, events: Iterable[Event]) -> None:
        """Gives each event that a clock put before its predecessor the time of that predecessor."""
        before = 0.0
        for event in events:
            self.notes.replaced(BACKWARDS, event.timestamp < before)
            before = event.timestamp = max(before, event.timestamp)

    def _group(self, events: Iterable[Event]) -> None:
        """Gives the events without an invocation a new one for each message of the user."""
        current = ""
        for event in events:
            if event.invocation_id:
                current = ""
                continue
            if not current or (event.author == USER and not event.get_function_responses()):
                current = stable_id("turn", self.name, event.id)
                self.notes.added("ids of turns")
            event.invocation_id = current

    def _distinct(self, events: Iterable[Event]) -> list[Event]:
        """Returns the events without repetitions, each with a unique id."""
        known: dict[str, Event] = {}
        for number, event in enumerate(events):
            if known.get(event.id) == event:
                self.notes.left_out("events that stand there twice")
                continue
            if event.id in known:
                event.id = stable_id("event", self.name, event.id, str(number))
                self.notes.replaced("ids that two events have")
            known[event.id] = event
        return list(known.values())


def _newest_first(times: Sequence[float]) -> bool:
    """Whether a whole session was written newest first, as opposed to by a clock that was set back."""
    return len(times) > 2 and all(later > earlier for later, earlier in pairwise(times))


def _place(fields: dict[str, Any], location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Returns the innermost existing field that an error is about.

    Error locations use the field names of ADK's API, whichever of the two names the file has, and also contain type
    names.
    """
    place: list[str | int] = []
    node: Any = fields
    for step in location:
        found: str | int | None = None
        if isinstance(node, dict) and isinstance(step, str):
            found = next((name for name in (step, to_snake(step)) if name in node), None)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            found = step
        if found is None:
            break
        place.append(found)
        node = node[found]
    return tuple(place)


def _innermost(places: Iterable[tuple[str | int, ...]]) -> list[tuple[str | int, ...]]:
    """Returns the places that contain none of the other places, in an order in which all of them can be removed."""
    ordered = sorted(
        places, key=lambda place: [(str(step), 0) if isinstance(step, str) else ("", step) for step in place]
    )
    inner = [place for place, after in zip(ordered, [*ordered[1:], ()], strict=True) if after[: len(place)] != place]
    return inner[::-1]


def _note_unread(given: Mapping[str, Any], kept: Mapping[str, Any], notes: Notes, path: str = "") -> None:
    """Notes the fields of a document that the result does not contain."""
    for name, value in given.items():
        known = name if name in kept else to_camel(name)  # events as ADK stores them use its own names
        if known in kept:
            _note_unread_below(value, kept[known], notes, f"{path}{name}")
        elif has_content(value):
            notes.left_out(quoted(path + name))


def _note_unread_below(value: object, kept: object, notes: Notes, path: str) -> None:
    if isinstance(value, dict) and isinstance(kept, dict):
        _note_unread(value, kept, notes, f"{path}.")
    elif isinstance(value, list) and isinstance(kept, list):
        for item, kept_item in zip(value, kept, strict=False):
            _note_unread_below(item, kept_item, notes, path)
