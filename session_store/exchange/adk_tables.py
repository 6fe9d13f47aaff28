"""Session databases of ADK, as its ``SqliteSessionService`` and its ``DatabaseSessionService`` make them, the latter in
both of its formats (events as JSON, and before ADK 1.22 with pickled actions)."""

from __future__ import annotations

import json
import pickle
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions import _restricted_pickle
from pydantic import ValidationError

from session_store.exchange import conversation as incoming
from session_store.exchange.adk_json import displayed_title, parsed_event
from session_store.exchange.conversation import About, Conversation
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.models import SessionKey, TitleSource

Row = Mapping[str, Any]

_V0_JSON: Final = (
    "content",
    "grounding_metadata",
    "custom_metadata",
    "usage_metadata",
    "citation_metadata",
    "input_transcription",
    "output_transcription",
)
_V0_PLAIN: Final = (
    "branch",
    "partial",
    "turn_complete",
    "error_code",
    "error_message",
    "interrupted",
)


class AdkTables(ABC):
    """The tables of such a database, read only. Parameters are named, as ``:name``."""

    order: str
    """What events of a session are in the order of."""

    @abstractmethod
    def rows(self, sql: str, **parameters: str) -> Sequence[Row]:
        """What a query gives."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """Makes words of what goes wrong while it is read: ImportRefusedError."""

    @property
    def events(self) -> int:
        """How many events it has."""
        with self.reading():
            return int(self.rows("select count(*) as number from events")[0]["number"])

    def conversations(self, damaged: Callable[[str, str], None]) -> Iterator[Conversation]:
        """Its sessions in order of creation. ``damaged`` is called with the name of a session that cannot be read, and
        why."""
        with self.reading():
            app_states = {row["app_name"]: row["state"] for row in self.rows("select * from app_states")}
            user_states = {
                (row["app_name"], row["user_id"]): row["state"] for row in self.rows("select * from user_states")
            }
            sessions = self.rows("select * from sessions order by create_time, app_name, user_id, id")
            for session in sessions:
                name = f"session {session['id']!r} of {session['app_name']!r}"
                scope = (session["app_name"], session["user_id"])
                try:
                    conversation = self._conversation(session)
                    shared = replace(
                        conversation.about,
                        app_state=_state(app_states.get(scope[0]), "the state of its application"),
                        user_state=_state(user_states.get(scope), "the state of its user"),
                    )
                except DamagedError as error:
                    damaged(name, str(error))
                else:
                    yield replace(conversation, about=shared)

    def _conversation(self, session: Row) -> Conversation:
        key = SessionKey(
            incoming.checked_name(session["app_name"], "the application's name"),
            incoming.checked_name(session["user_id"], "the user's id"),
            incoming.usable_id(incoming.checked_text(session["id"], "the id").strip()),
        )
        rows = self.rows(
            "select * from events where app_name = :app_name and user_id = :user_id and session_id = :session_id "
            f"order by {self.order}",
            app_name=session["app_name"],
            user_id=session["user_id"],
            session_id=session["id"],
        )
        read = _event_of_v0 if self._pickled else _event_of
        events = [read(row) for row in rows]
        state = _state(session["state"], "its state")
        title = displayed_title(state) or incoming.checked_text(incoming.first_words(events), "its first message")
        source = TitleSource.PERSON if displayed_title(state) else TitleSource.WORDS
        updated_at = events[-1].timestamp if events else _time(session["update_time"], "the time of its update")
        about = About(
            key=key,
            created_at=_time(session["create_time"], "the time of its creation"),
            updated_at=updated_at,
            seen_at=max(time.time(), updated_at),
            title=title,
            title_source=source if title else TitleSource.NONE,
            state=state,
            turns=incoming.turns_of(key, events),
        )
        return Conversation(about, tuple(incoming.new_event(event, f"event {event.id!r}"[:80]) for event in events))

    def check(self, what: str, tables: set[str], columns: set[str]) -> None:
        """Look whether it is one of ADK's.

        Args:
            what: what to call it.
            tables: the names of its tables.
            columns: the names of the columns of ``events``.

        Raises:
            ImportRefusedError: it is not.
        """
        if not {"sessions", "events", "app_states", "user_states"} <= tables or "session_id" not in columns:
            raise ImportRefusedError(
                f"{what}, but not one of ADK's sessions: it lacks the tables sessions, events, app_states and "
                "user_states. Name the one that the agent's --session_service_uri names."
            )
        self._pickled = "event_data" not in columns


def _event_of(row: Row) -> Event:
    what = f"event {row['id']!r}"
    if not isinstance(row["event_data"], (str, bytes)):
        raise DamagedError(f"{what} has no data")
    event = parsed_event(row["event_data"], what)
    # ADK goes by what stands in the columns.
    event.id = incoming.checked_text(row["id"], f"the id of {what}")
    event.invocation_id = incoming.checked_text(row["invocation_id"], f"the invocation of {what}")
    return event


def _event_of_v0(row: Row) -> Event:
    what = f"event {row['id']!r}"
    present = set(row.keys())
    fields: dict[str, Any] = {name: row[name] for name in _V0_PLAIN if name in present}
    fields |= {name: _json(row[name], f"{name} of {what}") for name in _V0_JSON if name in present}
    # SQLite has no booleans.
    for name in ("partial", "turn_complete", "interrupted"):
        fields[name] = None if fields.get(name) is None else bool(fields[name])
    try:
        return Event.model_validate(
            {
                **fields,
                "id": row["id"],
                "invocation_id": row["invocation_id"] or "",
                "author": row["author"],
                "actions": _actions(row["actions"]),
                # Before ADK 1.22 it was local time, as ADK's own migration has it.
                "timestamp": _time(row["timestamp"], f"the timestamp of {what}", local=True),
                "long_running_tool_ids": set(_json(row["long_running_tool_ids_json"], f"the tools of {what}") or ()),
            }
        )
    except (ValidationError, TypeError) as error:
        raise DamagedError(f"{what} is not an event of ADK ({error})") from error


def _actions(pickled: bytes | None) -> EventActions:
    if not pickled:
        return EventActions()
    try:
        # Loads nothing but what such actions are made of: a file is not to be trusted.
        actions = _restricted_pickle.loads(pickled)
        return EventActions.model_validate(actions.model_dump())
    except (
        pickle.UnpicklingError,
        ValidationError,
        AttributeError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
    ) as error:
        raise DamagedError(f"the actions of an event cannot be read ({error})") from error
    except (ImportError, IndexError, MemoryError, OverflowError) as error:
        raise DamagedError(f"the actions of an event cannot be read ({type(error).__name__})") from error


def _json(value: object, what: str) -> Any:  # noqa: ANN401 - JSON
    if value is None:
        return None
    if not isinstance(value, (str, bytes)):
        raise DamagedError(f"{what} is not JSON")
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{what} is not JSON ({error})") from error


def _state(value: object, what: str) -> Mapping[str, Any]:
    state = _json(value, what)
    if state is not None and not isinstance(state, dict):
        raise DamagedError(f"{what} is not a JSON object")
    return incoming.without_temporary(state or {})


def _time(value: object, what: str, *, local: bool = False) -> float:
    """Unix seconds from what a database has: a number, or a date and time in UTC (or local) without a zone."""
    if not isinstance(value, str | datetime):
        return incoming.checked_time(value, what)
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else value
        return incoming.checked_time((read if read.tzinfo or local else read.replace(tzinfo=UTC)).timestamp(), what)
    except (ValueError, OverflowError, OSError) as error:
        raise DamagedError(f"{what} is not a time: {str(value)[:40]!r}") from error
