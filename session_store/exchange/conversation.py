"""One conversation outside the store, being imported or exported."""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from google.adk.events.event import Event
from google.adk.sessions.state import State
from google.genai import types

from session_store import phrases
from session_store.exchange.agent_files import AgentFile
from session_store.exchange.errors import DamagedError
from session_store.exchange.notes import Notes
from session_store.models import (
    GENERAL,
    Feedback,
    Result,
    SessionKey,
    StoredEvent,
    TitleSource,
    Turn,
    TurnStatus,
    Workspace,
)
from session_store.sessions.event_rows import NewEvent, tokens_of
from session_store.sessions.tool_columns import NOT_IMPORTED
from session_store.transcripts.call_ids import tell_loose, with_call_ids
from session_store.transcripts.endings import ABORTED, Ending, ending_of, goes_on
from session_store.transcripts.open_calls import with_closed_calls
from session_store.transcripts.parts import USER
from session_store.transcripts.transcript import messages

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and the total, if known."""

Workspaces = Mapping[str, Workspace]

ERROR: Final = "ERROR"
"""The error code of failed answers from programs that name none."""
LOOKED_AT: Final = 200
"""How many events at the beginning of a conversation are searched for its first message."""
_NAMESPACE: Final = uuid.UUID("6b1f0a52-0f5c-5d0e-9d0a-6d7d4a2f9c11")
_PLAIN_ID: Final = re.compile(r"[\w@:+=~|][\w.@:+=~|-]{0,199}", re.ASCII)
_TIME: Final = re.compile(r'"timestamp": ?[\d.eE+-]+,?')
_END_OF_TIME: Final = 253_402_300_800.0
_LARGEST: Final = 2**63 - 1


def silent(_doing: str, _done: int, _total: int | None) -> None:
    """Progress that is not shown."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The agent and the user who get conversations from other programs."""

    agent: str = "assistant"
    user: str = "local"


@dataclass(frozen=True, slots=True)
class About:
    """Everything about a conversation except its events. Times are Unix seconds.

    The three states are those of the session, its application and its user, without prefixes.
    """

    key: SessionKey
    created_at: float
    updated_at: float
    seen_at: float
    title: str = ""
    title_source: TitleSource = TitleSource.NONE
    model: str | None = None
    saved: bool = False
    workspace_id: str = GENERAL
    state: Mapping[str, Any] = field(default_factory=dict, hash=False)
    app_state: Mapping[str, Any] = field(default_factory=dict, hash=False)
    user_state: Mapping[str, Any] = field(default_factory=dict, hash=False)
    turns: tuple[Turn, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    results: tuple[tuple[Result, bytes | None], ...] = ()
    rewound: frozenset[str] | None = None
    """Ids of rewound events; None if that has yet to be determined."""
    copied: frozenset[str] = frozenset()
    """Ids of the events copied from the session that it was branched from."""
    branched_from: str | None = None
    branched_at: str | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    terminated_at: float | None = None


@dataclass(frozen=True, slots=True)
class ImportedConversation:
    """A conversation being imported."""

    about: About
    events: tuple[NewEvent, ...]
    notes: Notes = field(default_factory=Notes, hash=False)
    """What could not be imported unchanged."""
    files: tuple[AgentFile, ...] = ()
    """Files that its agents made."""
    is_own: bool = False
    """Whether this program wrote it and therefore knows its owner."""
    is_renamed: bool = False
    """Whether it has a new id because another conversation in the file has its id."""

    @property
    def name(self) -> str:
        """Returns its name in reports."""
        return self.about.title or self.about.key.session_id


@dataclass(frozen=True, slots=True)
class Whole:
    """A conversation being exported. Its events are in the order of the store; each row has a place, JSON, and whether
    it was rewound."""

    about: About
    rows: tuple[tuple[int, str, bool], ...]
    workspaces: Workspaces

    def events(self, *, rewound: bool = True) -> list[StoredEvent]:
        """Returns the events, optionally without rewound ones."""
        return [
            StoredEvent(seq, Event.model_validate_json(data))
            for seq, data, taken_back in self.rows
            if rewound or not taken_back
        ]

    @property
    def workspace(self) -> str:
        """Returns the name of its workspace."""
        found = self.workspaces.get(self.about.workspace_id)
        return found.name if found else self.about.workspace_id


def stable_id(*names: str) -> str:
    """Returns an id that is always the same for the same names."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(names)))


def content_id(conversation: ImportedConversation) -> str:
    """Returns an id of a conversation's content regardless of its times, since files without times get some at
    import."""
    said = hashlib.sha256()
    for event in conversation.events:
        said.update(_TIME.sub("", event.data).encode())
    return said.hexdigest()


def usable_id(session_id: str) -> str:
    """Returns the id, or a stable replacement if it could be mistaken for a path or is unreadable."""
    return session_id if _PLAIN_ID.fullmatch(session_id) else stable_id("id", session_id)


def checked_name(value: object, what: str) -> str:
    """Returns the name of an application or a user.

    Raises:
        DamagedError: it is not a valid name.
    """
    if not isinstance(value, str) or not value.strip():
        raise DamagedError(f"{what} is missing")
    if value in {".", ".."} or len(value) > 200 or any(sign in "/\\" or not sign.isprintable() for sign in value):
        raise DamagedError(f"{what} {value[:40]!r} has signs that a name cannot have")
    return value


def usable_name(value: str, otherwise: str, what: str, notes: Notes) -> str:
    """Returns the name of an application or a user with invalid characters replaced, or ``otherwise`` if nothing is
    left."""
    name = "".join(sign if sign.isprintable() and sign not in "/\\" else "_" for sign in value.strip()[:200])
    name = name if name.strip("_. ") else otherwise
    notes.replaced(what, name != value)
    return checked_name(name, what)


def checked_text(value: object, what: str) -> str:
    """Returns a text that can be stored; None becomes an empty text.

    Raises:
        DamagedError: it is not text.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DamagedError(f"{what} is not a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DamagedError(f"{what} has signs that are not valid Unicode") from None
    return value


def checked_time(value: object, what: str) -> float:
    """Returns a time in Unix seconds.

    Raises:
        DamagedError: it is not a time.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DamagedError(f"{what} is not a time: {str(value)[:40]!r}")
    if not math.isfinite(value) or not 0 <= value < _END_OF_TIME:
        raise DamagedError(f"{what} is not a time between 1970 and 9999: {str(value)[:40]}")
    return float(value)


def new_event(event: Event, what: str) -> NewEvent:
    """Returns the event in the form that the store takes.

    Raises:
        DamagedError: its id, a time or a count is invalid.
    """
    if not event.id:
        raise DamagedError(f"{what} has no id")
    checked_time(event.timestamp, f"the timestamp of {what}")
    event.actions.state_delta = without_temporary(event.actions.state_delta)
    taken = NewEvent.of(event)
    if event.usage_metadata and any(type(value) is int and abs(value) > _LARGEST for value in taken.columns):
        raise DamagedError(f"{what} has a count that is too large")
    return taken


def without_temporary(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state without temporary entries."""
    return {name: value for name, value in state.items() if not name.startswith(State.TEMP_PREFIX)}


def unique(events: Iterable[Event]) -> None:
    """Check that no two events have the same id.

    Raises:
        DamagedError: two have.
    """
    seen: set[str] = set()
    for event in events:
        if event.id in seen:
            raise DamagedError(f"two events have the id {event.id!r}")
        seen.add(event.id)


def first_words(events: Iterable[Event]) -> str:
    """Returns a title from the user's first message or, if the user said nothing, from the first answer."""
    beginning = (StoredEvent(number, event) for number, event in enumerate(islice(events, LOOKED_AT)))
    said = sorted((one for one in messages(beginning) if one.text.strip()), key=lambda one: not one.is_user)
    return phrases.first_words(said[0].text) if said else ""


def settled(events: Sequence[Event], notes: Notes) -> list[Event]:
    """Returns the events as a finished turn leaves them, with nothing still running. Each tool call and its answer have
    the same id, a missing answer is replaced by one that says so, questions to the user are declined, and answers that
    were ended early are marked."""
    whole = with_closed_calls(with_call_ids(events), NOT_IMPORTED)
    notes.added("missing tool answers", len(whole) - len(events))
    _tell_loose_answers(whole, notes)
    for event in whole:
        if event.author == USER:
            continue
        ending = ending_of(event)
        if ending is None and event.error_message and event.error_code != ABORTED:
            event.error_code = ERROR
        elif ending and event.content and event.content.parts:
            event.interrupted = True
    return whole


def _tell_loose_answers(events: Sequence[Event], notes: Notes) -> None:
    """Turns tool answers without a call into text."""
    called = {call.id for event in events for call in event.get_function_calls()}
    for event in events:
        if loose := [answer for answer in event.get_function_responses() if answer.id not in called]:
            tell_loose(event, loose)
            notes.converted("tool answers without a call to text", len(loose))


def turns_of(key: SessionKey, events: Sequence[Event]) -> tuple[Turn, ...]:
    """Returns turns for events that came without any: one for each invocation begun by a message."""
    invocations: dict[str, list[Event]] = {}
    for event in events:
        if event.invocation_id:
            invocations.setdefault(event.invocation_id, []).append(event)
    return tuple(_turn(key, turn_id, said) for turn_id, said in invocations.items() if any(map(_message, said)))


def _message(event: Event) -> types.Content | None:
    """Returns what the user said in an event, whether typed or transcribed from speech."""
    if event.author != USER:
        return None
    spoken = event.input_transcription.text if event.input_transcription else None
    return event.content or (types.Content(role=USER, parts=[types.Part(text=spoken)]) if spoken else None)


def _turn(key: SessionKey, turn_id: str, events: Sequence[Event]) -> Turn:
    message = next(filter(None, map(_message, events)))
    used = [tokens_of(event.usage_metadata) for event in events]
    status, error = _end_of(events)
    return Turn(
        id=turn_id,
        key=key,
        status=status,
        message=message.model_dump(mode="json", exclude_none=True),
        model=next((event.model_version for event in reversed(events) if event.model_version), None),
        created_at=events[0].timestamp,
        started_at=events[0].timestamp,
        ended_at=max(event.timestamp for event in events),
        input_tokens=_sum(tokens.input for tokens in used),
        output_tokens=_sum(tokens.output for tokens in used),
        error=error,
    )


def _end_of(events: Sequence[Event]) -> tuple[TurnStatus, str | None]:
    """Returns how a turn ended and why, by the rules for live turns: if the author continues after an answer, that
    answer was not the end."""
    endings: dict[str, Ending] = {}
    stopped = False
    for event in events:
        if event.author == USER:
            continue
        if ending := ending_of(event):
            endings[event.author] = ending
        elif goes_on(event):
            endings.pop(event.author, None)
        stopped = stopped or event.error_code == ABORTED or (event.interrupted is True and ending is None)
    if stopped:
        return TurnStatus.STOPPED, None
    if failed := next((ending for ending in endings.values() if not ending.cut), None):
        return TurnStatus.FAILED, failed.reason
    return TurnStatus.COMPLETED, next((ending.reason for ending in endings.values()), None)


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
