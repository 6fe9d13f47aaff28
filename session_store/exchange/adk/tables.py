"""ADK session databases of any version, as ``SqliteSessionService`` and ``DatabaseSessionService`` make them. The
latter has two formats: events as JSON and, before ADK 1.22, events with pickled actions."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, get_args

from google.adk.events.event import Event

from session_store.exchange import conversation as incoming
from session_store.exchange.adk.events import EventReader
from session_store.exchange.adk.json_files import NOBODY, displayed_title
from session_store.exchange.adk.pickles import actions_of
from session_store.exchange.adk.zones import Span, Zone, zones
from session_store.exchange.conversation import About, ImportedConversation
from session_store.exchange.documents import parse
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.fields import tells_time, time_of
from session_store.exchange.notes import DEEPEST_VALUE, Notes, has_content, quoted, shallow, whole_characters
from session_store.models import SessionKey, TitleSource

Row = Mapping[str, Any]
_Key = tuple[str, str, str]

TABLES: Final = frozenset({"sessions", "events", "app_states", "user_states"})
"""The tables that are read."""
_KEYS: Final = {"app_name", "user_id", "session_id", "id", "invocation_id", "timestamp", "event_data"}
_OF_SESSIONS: Final = {"app_name", "user_id", "id", "state", "create_time", "update_time"}
_TEXTS: Final = {
    name for name, field in Event.model_fields.items() if str in (field.annotation, *get_args(field.annotation))
}
"""Event fields that hold text."""


class AdkTables(ABC):
    """The tables of an ADK session database, read-only. Query parameters are named, as in ``:name``."""

    order: str
    """What the events of a session are sorted by."""
    trusts_updates: bool
    """Whether sessions' update times are in ``zone`` in all versions."""
    zone: tzinfo = UTC
    """The time zone of times that the database itself set."""

    def __init__(self) -> None:
        self.notes = Notes()
        """What could not be imported unchanged from the database itself."""

    @abstractmethod
    def rows(self, sql: str, **parameters: str) -> Iterator[Row]:
        """Returns the rows of a query one by one."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """Turns database errors during reading into ImportRefusedError with a readable message."""

    def one(self, sql: str) -> Row:
        """Returns the single row of a query."""
        (row,) = self.rows(sql)
        return row

    @property
    def events(self) -> int:
        """Returns the number of events."""
        with self.reading():
            return int(self.one("select count(*) as number from events")["number"])

    def conversations(self, odd: Callable[[str, str], None]) -> Iterator[ImportedConversation]:
        """Returns its sessions in order of creation. Calls ``odd`` with the name of each session that cannot be read,
        and the reason."""
        with self.reading():
            app_states = {row["app_name"]: row["state"] for row in self._shared("app_states")}
            user_states = {(row["app_name"], row["user_id"]): row["state"] for row in self._shared("user_states")}
            sessions = list(self.rows("select * from sessions order by app_name, user_id, id"))
            clocks = self._clocks(sessions)
            self._note_events_without_sessions()
            for session in sorted(sessions, key=lambda row: self._time(row.get("create_time")) or 0.0):
                key = _key(session)
                notes = Notes()
                try:
                    conversation = self._conversation(session, clocks.get(key, Zone()), notes)
                except DamagedError as error:
                    odd(f"session {key[2]!r} of {key[0]!r}", str(error))
                    continue
                shared = replace(
                    conversation.about,
                    app_state=_state(app_states.get(key[0]), "the state of the application", notes),
                    user_state=_state(user_states.get(key[:2]), "the state of the user", notes),
                )
                yield replace(conversation, about=shared)

    def _conversation(self, session: Row, clock: Zone, notes: Notes) -> ImportedConversation:
        key = SessionKey(
            incoming.usable_name(_text(session["app_name"]), NOBODY.agent, "names of applications", notes),
            incoming.usable_name(_text(session["user_id"]), NOBODY.user, "ids of users", notes),
            incoming.usable_id(_text(session["id"]).strip()),
        )
        for column, value in session.items():
            if column not in _OF_SESSIONS and has_content(value):
                notes.left_out(f"column {quoted(f'sessions.{column}')}")
        created, updated = self._time(session.get("create_time")), self._time(session.get("update_time"))
        for column, at in (("create_time", created), ("update_time", updated)):
            notes.left_out(quoted(f"sessions.{column}"), at is None and tells_time(session.get(column)))
        rows = self._events_of(session)
        reader = EventReader(key.session_id, key.app_name, updated or created or time.time(), notes)
        events = incoming.settled(reader.read(_document(row, clock, notes) for row in rows), notes)
        state = _state(session.get("state"), "the state", notes)
        title = displayed_title(state) or incoming.first_words(events)
        source = TitleSource.PERSON if displayed_title(state) else TitleSource.WORDS
        updated_at = events[-1].timestamp if events else reader.otherwise
        about = About(
            key=key,
            created_at=min(created or updated_at, *(event.timestamp for event in events[:1]), updated_at),
            updated_at=updated_at,
            seen_at=max(time.time(), updated_at),
            title=title,
            title_source=source if title else TitleSource.NONE,
            state=state,
            turns=incoming.turns_of(key, events),
        )
        taken = tuple(incoming.new_event(event, f"event {event.id!r}"[:80]) for event in events)
        return ImportedConversation(about, taken, notes)

    def check(self, what: str, columns: Mapping[str, set[str]]) -> None:
        """Check that this is an ADK session database.

        Args:
            what: what to call the database.
            columns: the column names of each table.

        Raises:
            ImportRefusedError: it is not.
        """
        if not {"app_name", "user_id", "id"} <= columns.get("sessions", set()) or not {
            "app_name",
            "user_id",
            "session_id",
            "id",
        } <= columns.get("events", set()):
            raise ImportRefusedError(
                f"{what}, but not one of ADK's sessions: it lacks the tables sessions and events. Name the one that "
                "the agent's --session_service_uri names."
            )
        self._columns = columns

    def _shared(self, table: str) -> Iterator[Row]:
        """Returns the rows of a state table, which older versions lack."""
        return self.rows(f"select * from {table}") if "state" in self._columns.get(table, set()) else iter(())

    def _events_of(self, session: Row) -> Iterator[Row]:
        return self.rows(
            "select * from events where app_name = :app_name and user_id = :user_id and session_id = :session_id "
            f"order by {self.order}",
            app_name=session["app_name"],
            user_id=session["user_id"],
            session_id=session["id"],
        )

    def _note_events_without_sessions(self) -> None:
        lost = self.one(
            "select count(*) as number from events e where not exists (select 1 from sessions s where "
            "s.app_name = e.app_name and s.user_id = e.user_id and s.id = e.session_id)"
        )
        self.notes.left_out("events of sessions that are not there", int(lost["number"]))

    def _clocks(self, sessions: Sequence[Row]) -> dict[_Key, Zone]:
        """Returns the time zones of sessions whose event times do not name theirs."""
        if not {"actions", "timestamp"} <= self._columns["events"]:
            return {}
        times = {_key(row): row for row in sessions}
        spans: dict[_Key, Span] = {}
        for row in self.rows(
            "select app_name, user_id, session_id as id, min(timestamp) as first, max(timestamp) as last from events "
            "group by app_name, user_id, session_id"
        ):
            key, first, last = _key(row), _clock(row["first"]), _clock(row["last"])
            session = times.get(key)
            if session and first and last:
                created, updated = self._time(session.get("create_time")), self._time(session.get("update_time"))
                spans[key] = Span(created, updated, first, last)
        return zones(spans, trusts_updates=self.trusts_updates)

    def _time(self, value: object) -> float | None:
        """Converts a time from the database to Unix seconds: a number, or a date and time without a zone."""
        clock = _clock(value)
        if clock is not None and clock.tzinfo is None:
            value = clock.replace(tzinfo=self.zone).isoformat()
        return time_of(value.isoformat() if isinstance(value, datetime) else value)


def _document(row: Row, clock: Zone, notes: Notes) -> dict[str, Any] | None:
    """Returns an event as JSON from a row of any version."""
    stored = _json(row.get("event_data"), "event_data", notes)
    if not isinstance(stored, dict) and has_content(stored):
        notes.left_out(f"column {quoted('events.event_data')}")
    fields: dict[str, Any] = stored if isinstance(stored, dict) else _columns(row, notes)
    if fields is stored:
        for column in row.keys() - _KEYS:
            if has_content(row[column]):
                notes.left_out(f"column {quoted(f'events.{column}')}")
    # ADK goes by the columns.
    for name, other in (("id", "id"), ("invocation_id", "invocationId")):
        if row.get(name):
            fields.pop(other, None)
            fields[name] = row[name]
    if time_of(fields.get("timestamp")) is None:
        notes.left_out(quoted("timestamp"), tells_time(fields.get("timestamp")))
        at = _clock(row.get("timestamp"))
        fields["timestamp"] = row.get("timestamp") if at is None else clock.seconds(at)
    return fields


def _columns(row: Row, notes: Notes) -> dict[str, Any]:
    """Returns an event from a table with one column per field, as before ADK 1.22."""
    fields: dict[str, Any] = {"long_running_tool_ids": []}
    for column in row.keys() - _KEYS:
        value, name = row[column], column.removesuffix("_json")
        if column == "actions":
            fields[name] = actions_of(bytes(value), notes) if isinstance(value, (bytes, memoryview)) and value else {}
        elif name not in Event.model_fields:
            if has_content(value):
                notes.left_out(f"column {quoted(f'events.{column}')}")
        elif value is not None:
            fields[name] = value if name in _TEXTS else _json(value, column, notes)
    return whole_characters(fields, notes)  # type: ignore[no-any-return]


def _json(value: object, what: str, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """Returns the parsed JSON of a column, or its text if it is not JSON."""
    if not isinstance(value, (str, bytes)):
        return value
    data = value.encode() if isinstance(value, str) else value
    try:
        return parse(data, notes)
    except DamagedError:
        if data.lstrip()[:1] in (b"{", b"["):
            notes.left_out(f"column {quoted(what)} that is not JSON")
            return None
        return data.decode(errors="replace")


def _state(value: object, what: str, notes: Notes) -> Mapping[str, Any]:
    state = _json(value, what, notes)
    if not isinstance(state, dict):
        if has_content(state):
            notes.left_out(what)
        state = {}
    return incoming.without_temporary(shallow(state, DEEPEST_VALUE, notes))


def _key(row: Row) -> _Key:
    return row["app_name"], row["user_id"], row["id"]


def _text(value: object) -> str:
    """Returns a name that was stored as a number or as bytes."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def _clock(value: object) -> datetime | None:
    """Returns a date and time from SQLite's text form or from a datetime."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
