"""Conversations as JSON in ADK's session format, which ``adk web`` and ``adk run`` read and write.

What ADK's format has no field for is stored in the state under ``__session_metadata__``, where ``adk web`` also keeps
the title of a session. Application and user state appear under their prefixes, as in ADK.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar

from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.state import State

from session_store.compat.adk import adk_session_util, public_event
from session_store.errors import HistoryError
from session_store.exchange import conversation as incoming
from session_store.exchange.adk.events import EventReader
from session_store.exchange.conversation import (
    About,
    ImportedConversation,
    Owner,
    Whole,
    checked_text,
    checked_time,
    stable_id,
)
from session_store.exchange.errors import DamagedError
from session_store.exchange.fields import Fields
from session_store.exchange.notes import DEEPEST_VALUE, Notes, has_content, shallow
from session_store.exchange.own_records import feedback_of, made, turn_json, turn_of, workspace_json
from session_store.history.labels import clean_tags
from session_store.models import GENERAL, SessionKey, TitleSource, TurnStatus, Workspace
from session_store.phrases import without_thoughts
from session_store.sessions.turns import has_files, without_files
from session_store.transcripts.parts import USER

METADATA: Final = "__session_metadata__"
OURS: Final = "colloquy"
VERSION: Final = 1
NOBODY: Final = Owner()
T = TypeVar("T")


def session_json(whole: Whole, *, for_adk_web: bool = False) -> dict[str, Any]:
    """Returns a conversation in ADK's session format.

    ``for_adk_web`` removes from the events what ADK's API server refuses when it creates a session: actions such as
    state changes (the resulting state is still included), and ADK's own function calls.
    """
    about, key = whole.about, whole.about.key
    events = [public_event(stored.event) for stored in whole.events(rewound=not for_adk_web)]
    if for_adk_web:
        events = [plain for event in events if (plain := _plain(event))]
    return {
        "id": key.session_id,
        "appName": key.app_name,
        "userId": key.user_id,
        "state": {
            **about.state,
            **{State.APP_PREFIX + name: value for name, value in about.app_state.items()},
            **{State.USER_PREFIX + name: value for name, value in about.user_state.items()},
            METADATA: _metadata(whole, events, brief=for_adk_web),
        },
        "events": [event_json(event) for event in events],
        "lastUpdateTime": about.updated_at,
    }


def event_json(event: Event) -> dict[str, Any]:
    """Returns an event with the field names of ADK's API."""
    fields: dict[str, Any] = json.loads(event.model_dump_json(by_alias=True, exclude_none=True))
    if event.actions.state_delta:
        # Added unchanged: pydantic writes NaN and Infinity as null, and omits a None inside a nested model.
        fields["actions"]["stateDelta"] = adk_session_util.make_json_safe_state(event.actions.state_delta)
    return fields


def is_session(document: object) -> bool:
    """Whether a JSON document is an ADK session."""
    return isinstance(document, dict) and isinstance(document.get("events"), list)


def conversation_of(document: object, owner: Owner = NOBODY, *, exact: bool = False) -> ImportedConversation:
    """Returns the conversation in a session in ADK's format.

    Args:
        document: the session, as written by any version of ADK.
        owner: the owner if the session names no application or no user.
        exact: whether this program is known to have written it; otherwise its content decides.

    Raises:
        DamagedError: it is not a session; the message names the place.
    """
    if not isinstance(document, dict) or not is_session(document):
        raise DamagedError("it is no session: it has no list of events")
    notes = Notes()
    fields = Fields(document, notes)
    own, state = _take_own(_state(fields, notes))
    exact = exact or _is_own(own)
    key = _key(fields, owner, notes, exact=exact)
    updated_at = _either(fields, "lastUpdateTime", "last_update_time", Fields.value if exact else Fields.time)
    updated_at = None if updated_at is None else checked_time(updated_at, "the time of its update")
    reader = EventReader(key.session_id, key.app_name, updated_at or time.time(), notes, exact=exact)
    events = reader.read(fields.items("events"))
    if not exact or _has_open_turns(own):
        events = incoming.settled(events, notes)
    fields.finish()
    scopes = adk_session_util.extract_state_delta(incoming.without_temporary(state))
    about = _about(key, own, events, reader.otherwise)
    return ImportedConversation(
        replace(about, state=scopes["session"], app_state=scopes["app"], user_state=scopes["user"]),
        tuple(incoming.new_event(event, f"event {number}") for number, event in enumerate(events, start=1)),
        notes,
        is_own=exact,
    )


def _has_open_turns(own: Mapping[str, Any] | None) -> bool:
    """Whether a turn was running or waiting for a person when this program wrote the session."""
    turns = own.get("turns") if own else None
    over = {status.value for status in TurnStatus if status.is_over}
    return isinstance(turns, list) and any(isinstance(turn, dict) and turn.get("status") not in over for turn in turns)


def _key(fields: Fields, owner: Owner, notes: Notes, *, exact: bool) -> SessionKey:
    app_name = _either(fields, "appName", "app_name", Fields.text)
    user_id = _either(fields, "userId", "user_id", Fields.text)
    session_id = fields.text("id").strip()
    if not app_name:
        notes.added("names of applications")
    if not user_id:
        notes.added("ids of users")
    if not session_id:
        notes.added("ids of sessions")
        session_id = stable_id("session", json.dumps(fields.value("events"), default=str))
    app_name, user_id = app_name or owner.agent, user_id or owner.user
    if not exact:
        app_name = incoming.usable_name(app_name, owner.agent, "names of applications", notes)
        user_id = incoming.usable_name(user_id, owner.user, "ids of users", notes)
    return SessionKey(
        incoming.checked_name(app_name, "the application's name"),
        incoming.checked_name(user_id, "the user's id"),
        incoming.usable_id(session_id),
    )


def _state(fields: Fields, notes: Notes) -> dict[str, Any]:
    state = fields.whole("state")
    if isinstance(state, dict):
        return shallow(state, DEEPEST_VALUE, notes)  # type: ignore[no-any-return]
    if has_content(state):
        notes.left_out("the state")
    return {}


def carried_workspaces(document: object) -> object:
    """Returns the list of workspaces included in a session's JSON."""
    for name in ("state", METADATA, OURS, "workspaces"):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def displayed_title(state: Mapping[str, Any]) -> str:
    """Returns the title that ``adk web`` gave a session."""
    metadata = state.get(METADATA)
    title = metadata.get("displayName") if isinstance(metadata, dict) else None
    return without_thoughts(title) if isinstance(title, str) else ""


def _plain(event: Event) -> Event | None:
    names = [call.name for call in event.get_function_calls()] + [
        response.name for response in event.get_function_responses()
    ]
    if any(name and name.startswith("adk_") for name in names) or not event.content:
        return None
    return event.model_copy(update={"actions": EventActions(), "long_running_tool_ids": None})


def _metadata(whole: Whole, events: Sequence[Event], *, brief: bool) -> dict[str, Any]:
    about = whole.about
    known = about.state.get(METADATA)
    metadata: dict[str, Any] = {**(known if isinstance(known, dict) else {}), "displayName": about.title}
    if brief:
        return metadata
    path = path_of(whole)
    with_files = {turn.id for turn in about.turns if has_files(turn)}
    said = {
        event.invocation_id: event.content.model_dump(mode="json", exclude_none=True)
        for event in reversed(events)
        if event.author == USER and event.invocation_id in with_files and event.content
    }
    return {
        **metadata,
        OURS: {
            "version": VERSION,
            "metadata": known,
            "title": about.title,
            "title_source": about.title_source.value,
            "model": about.model,
            "saved": about.saved,
            "created_at": about.created_at,
            "seen_at": about.seen_at,
            "workspace": about.workspace_id,
            "workspaces": [workspace_json(workspace, with_connection=False) for workspace in path],
            "turns": [turn_json(without_files(turn, said.get(turn.id))) for turn in about.turns],
            "rewound": sorted(about.rewound or ()),
            "feedback": [asdict(feedback) for feedback in about.feedback],
            **labels_json(about),
        },
    }


def path_of(whole: Whole) -> list[Workspace]:
    """Returns the workspace of a conversation and all its ancestors, from the top."""
    path: list[Workspace] = []
    workspace = whole.workspaces.get(whole.about.workspace_id)
    while workspace and workspace not in path:
        path.insert(0, workspace)
        workspace = whole.workspaces.get(workspace.parent_id) if workspace.parent_id else None
    return path


def _take_own(state: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Returns what this program put into a state, and the state without it."""
    metadata = state.get(METADATA)
    own = metadata.get(OURS) if isinstance(metadata, dict) else None
    if not isinstance(own, dict):
        title = displayed_title(state)
        return ({"title": title, "title_source": TitleSource.PERSON.value} if title else None), state
    version = own.get("version")
    if version != VERSION:
        raise DamagedError(f"it was written by a newer version of this program (format {version})")
    rest = {name: value for name, value in state.items() if name != METADATA}
    return own, rest if own.get("metadata") is None else {**rest, METADATA: own["metadata"]}


def _is_own(own: dict[str, Any] | None) -> bool:
    return own is not None and "version" in own


def _about(key: SessionKey, own: dict[str, Any] | None, events: list[Event], updated_at: float) -> About:
    first = events[0].timestamp if events else updated_at
    last = events[-1].timestamp if events else updated_at
    if own is None or not _is_own(own):
        title = checked_text(own["title"] if own else incoming.first_words(events), "the title")
        source = TitleSource.PERSON if own else TitleSource.WORDS
        return About(
            key=key,
            created_at=min(first, last),
            updated_at=last,
            seen_at=max(last, time.time()),
            title=title,
            title_source=source if title else TitleSource.NONE,
            turns=incoming.turns_of(key, events),
        )
    about = About(
        key=key,
        created_at=checked_time(own.get("created_at"), "the time of its creation"),
        updated_at=updated_at,
        seen_at=checked_time(own.get("seen_at"), "the time when it was seen"),
        title=checked_text(own.get("title"), "the title"),
        title_source=made(lambda known: TitleSource(known["title_source"]), own, "the source of its title"),
        model=checked_text(own.get("model"), "the model") or None,
        saved=own.get("saved") is True,
        workspace_id=checked_text(own.get("workspace"), "the workspace") or GENERAL,
        turns=tuple(turn_of(fields, key) for fields in own.get("turns") or []),
        rewound=frozenset(map(str, own.get("rewound") or [])),
        feedback=tuple(feedback_of(fields) for fields in own.get("feedback") or []),
    )
    return with_labels(about, own)


def _either(fields: Fields, first: str, second: str, read: Callable[[Fields, str], T]) -> T:
    """Returns a field by its name in ADK's API, or by its name in ADK itself."""
    return read(fields, first if first in fields else second)


def labels_json(about: About) -> dict[str, Any]:
    """Returns the labels of a conversation."""
    return {
        "tags": list(about.tags),
        "note": about.note,
        "terminated_at": about.terminated_at,
        "branched_from": about.branched_from,
        "branched_at": about.branched_at,
        "copied": sorted(about.copied),
    }


def with_labels(about: About, fields: Mapping[str, Any]) -> About:
    """Returns the conversation with the labels that a file has; older files have none.

    Raises:
        DamagedError: a label is invalid.
    """
    ended = fields.get("terminated_at")
    return replace(
        about,
        tags=_tags(fields.get("tags") or []),
        note=checked_text(fields.get("note"), "the note"),
        terminated_at=None if ended is None else checked_time(ended, "the time of its end"),
        branched_from=checked_text(fields.get("branched_from"), "the chat that it is a branch of") or None,
        branched_at=checked_text(fields.get("branched_at"), "the message that it branches at") or None,
        copied=frozenset(map(str, fields.get("copied") or [])),
    )


def _tags(tags: object) -> tuple[str, ...]:
    if not isinstance(tags, list):
        raise DamagedError("its tags are not a list")
    try:
        return clean_tags(checked_text(tag, "a tag") for tag in tags)
    except HistoryError as error:
        raise DamagedError(f"it has a tag that cannot be one. {error}") from error
