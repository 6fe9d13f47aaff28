"""Sessions and their events: creates, appends, removes, and reads them back whole."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import duckdb
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError

from session_store.compat.adk import StaleSessionError, adk_session_util
from session_store.engine.database import Database
from session_store.engine.transaction import NEW_SESSION, RowBuffer, Transaction, state_of
from session_store.json_safe import without_halves
from session_store.models import GENERAL, SessionKey, TitleSource
from session_store.sessions import reads as session_reads
from session_store.sessions.cache import CachedEvent, Head, Memory, State, UserScope
from session_store.sessions.event_rows import NewEvent
from session_store.sessions.index import IndexEntry
from session_store.sessions.reads import Loaded
from session_store.transcripts.rewinds import mark_rewound
from session_store.workspaces.tree import read_workspaces, required
from session_store.writer import Writer

REMEMBERED_IDS = 500


@dataclass(frozen=True, slots=True)
class KnownState:
    """What the caller that appends knows about the session."""

    revision: int | None
    """None if the session was not read from this store, or was copied in a way that loses the revision."""
    updated_at: float
    last_event_id: str | None


class SessionLog:
    """Writes go through the single writer thread; reads come from memory or use their own cursor."""

    def __init__(self, path: Path) -> None:
        self.memory = Memory()
        self._numbers = itertools.count(1)
        self._event_ids: dict[int, set[str]] = {}
        self._left_behind: set[SessionKey] = set()
        self._buffers: tuple[RowBuffer, RowBuffer] | None = None
        self.database = Database(path, self._prepare)
        self.writer: Writer[Transaction] = Writer(
            self.database, self._begin, reopened=self.memory.clear, idle=self._idle_work
        )

    def close(self) -> None:
        """Finish pending writes and release the file."""
        self.writer.close()
        self._buffers = None  # frees their part of the database: a caller may keep this object forever
        self.database.close()
        self.memory.clear()

    # -- writing -------------------------------------------------------------------------------------------------------

    def create(
        self,
        key: SessionKey,
        state: Mapping[str, Any],
        *,
        model: str | None = None,
        workspace_id: str = GENERAL,
        fresh: bool = False,
    ) -> Future[Loaded]:
        """Create a session with ``state``, whose keys may name a scope.

        ``fresh`` says that the id was just generated, so that the check whether it is in use can be skipped.

        Raises:
            AlreadyExistsError: in the future, if the key is in use.
            WorkspaceError: in the future, if the workspace does not exist.
        """
        scopes = adk_session_util.extract_json_safe_state_delta(without_halves(dict(state)))

        def work(transaction: Transaction) -> Loaded:
            existing = None if fresh else transaction.head(key)
            if existing is not None and not existing.deleted:
                raise AlreadyExistsError(f"Session with id {key.session_id} already exists.")
            required(transaction.workspaces(), workspace_id)
            if existing is not None:
                self._remove(transaction, [existing])
            now = time.time()
            number = next(self._numbers)
            if scopes["app"]:
                transaction.merge_app_state(key.app_name, scopes["app"], now)
            if scopes["user"]:
                transaction.merge_user_state((key.app_name, key.user_id), scopes["user"], now)
            transaction.add_session(
                (
                    number,
                    key.app_name,
                    key.user_id,
                    key.session_id,
                    "",
                    TitleSource.NONE.value,
                    model,
                    False,
                    now,
                    now,
                    now,
                    json.dumps(scopes["session"]),
                    workspace_id,
                )
            )
            head = Head(key, number, now, now, number, None, scopes["session"], workspace_id)
            transaction.set_head(head)
            transaction.on_commit(lambda memory: memory.events.put(number, []))
            transaction.on_commit(lambda memory: memory.index.put(key, number, now, workspace_id))
            self._event_ids[number] = set()
            return Loaded(
                head, transaction.app_state(key.app_name), transaction.user_state((key.app_name, key.user_id)), []
            )

        return self.writer.submit(work)

    def append(self, key: SessionKey, event: NewEvent, known: KnownState) -> Future[int]:
        """Append an event; the future returns its ``seq``.

        Raises:
            SessionNotFoundError, StaleSessionError, AlreadyExistsError: in the future, if the session does not exist,
                has changed since it was read, or already has an event with this id.
        """

        def work(transaction: Transaction) -> int:
            head = transaction.head(key)
            if head is None or head.deleted:
                raise SessionNotFoundError(f"Session {key.session_id} not found.")
            _refuse_stale(head, known)
            ids = self._ids_of(transaction, head)
            if event.id in ids:
                raise AlreadyExistsError(f"Session {key.session_id} already has an event with id {event.id}.")
            seq, rewound = next(self._numbers), event.rewind_before is not None
            transaction.add_event(
                event.row(seq, head.session_no, rewound=rewound),
                head.session_no,
                CachedEvent(seq, event.data, rewound=rewound),
            )
            ids.add(event.id)
            transaction.on_rollback(lambda: self._event_ids.pop(head.session_no, None))
            self._merge_state(transaction, head, event)
            transaction.set_head(
                replace(
                    head,
                    updated_at=event.timestamp,
                    revision=seq,
                    last_event_id=event.id,
                    state={**head.state, **event.session_state} if event.session_state else head.state,
                )
            )
            if event.rewind_before is not None:
                mark_rewound(transaction, head.session_no)
            return seq

        return self.writer.submit(work)

    def leave_behind(self, key: SessionKey) -> None:
        """Record that a caller stopped waiting for its write to a session."""
        self._left_behind.add(key)

    def left_behind(self, key: SessionKey) -> Future[None] | None:
        """Return a future that completes once all writes are done that callers stopped waiting for; None if there are
        none."""
        if key not in self._left_behind:
            return None
        self._left_behind.discard(key)
        return self.writer.submit(lambda _: None)

    def next_number(self) -> int:
        """Return a number for a new session or event. Only for jobs that the writer runs."""
        return next(self._numbers)

    def remove(self, keys: Iterable[SessionKey]) -> Future[None]:
        """Remove sessions for good, with everything that belongs to them. Skips unknown ones."""
        wanted = list(keys)
        return self.writer.submit(lambda transaction: self.remove_in(transaction, wanted))

    def remove_in(self, transaction: Transaction, keys: Iterable[SessionKey]) -> None:
        """Remove sessions for good as part of a transaction. Skips unknown ones."""
        self._remove(transaction, [head for key in keys if (head := transaction.head(key)) is not None])

    def remove_deleted(self, before: float) -> Future[list[SessionKey]]:
        """Remove for good the sessions that were hidden before a given time. The future returns their keys."""

        def work(transaction: Transaction) -> list[SessionKey]:
            rows = transaction.rows("select app_name, user_id, id from sessions where deleted_at <= $1", [before])
            keys = [SessionKey(*row) for row in rows]
            self.remove_in(transaction, keys)
            return keys

        return self.writer.submit(work)

    def hide(self, keys: Iterable[SessionKey], *, hidden: bool) -> Future[None]:
        """Hide sessions, or bring them back. Skips unknown ones."""
        wanted = list(keys)
        deleted_at = time.time() if hidden else None

        def work(transaction: Transaction) -> None:
            heads = [head for key in wanted if (head := transaction.head(key)) is not None]
            transaction.execute(
                "update sessions set deleted_at = $1 where session_no in (select unnest($2::bigint[]))",
                [deleted_at, [head.session_no for head in heads]],
            )
            for head in heads:
                transaction.set_head(replace(head, deleted=hidden))
            transaction.on_commit(lambda memory: _list(memory, heads, hidden=hidden))

        return self.writer.submit(work)

    # -- reading -------------------------------------------------------------------------------------------------------

    def recall(self, key: SessionKey) -> Loaded | None:
        """Return the session from memory; None if memory does not have all of it."""
        return session_reads.recall(self.memory, key)

    def load(self, key: SessionKey, *, newest: int | None = None, since: float | None = None) -> Loaded | None:
        """Return the session from the database; None if it does not exist.

        Args:
            key: the session.
            newest: return only this many events, the latest by timestamp.
            since: return only events from this time on.
        """
        return session_reads.load(self.database, self.memory, key, newest=newest, since=since)

    def user_state(self, scope: UserScope) -> State:
        """Return the state shared by a user's sessions with an application."""
        with self.memory.lock:
            state = self.memory.user_states.get(scope)
        if state is not None:
            return state
        sql = "select state from user_states where app_name = $1 and user_id = $2"
        return state_of(self.database.rows(sql, list(scope)))

    # -- internals -----------------------------------------------------------------------------------------------------

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        row = connection.execute(
            "select greatest(coalesce((select max(seq) from events), 0), "
            "coalesce((select max(session_no) from sessions), 0))"
        ).fetchone()
        self._numbers = itertools.count((row[0] if row else 0) + 1)
        self._event_ids.clear()
        self._buffers = RowBuffer(connection, "sessions", NEW_SESSION), RowBuffer(connection, "events")
        connection.execute(
            """
            update sessions set updated_at = e.timestamp
            from (
                select session_no, arg_max(timestamp, seq) as timestamp from events where not copied group by session_no
            ) e
            where sessions.session_no = e.session_no and sessions.updated_at != e.timestamp
            """
        )
        rows = connection.execute(
            "select updated_at, app_name, user_id, id, session_no, workspace_id from sessions where deleted_at is null"
        ).fetchall()
        places = [(cast("IndexEntry", row[:5]), row[5]) for row in rows]
        workspaces = read_workspaces(connection)
        with self.memory.lock:
            self.memory.index.fill(places)
            self.memory.workspaces = workspaces

    def _begin(self) -> Transaction:
        assert self._buffers is not None  # noqa: S101 - set by _prepare, before the writer starts
        return Transaction(self.database.writer, *self._buffers, self.memory)

    def _idle_work(self) -> Callable[[Transaction], None] | None:
        return self._save_times if self.memory.unsaved_times else None

    def _save_times(self, transaction: Transaction) -> None:
        with self.memory.lock:
            times = dict(self.memory.unsaved_times)
        transaction.execute(
            "update sessions set updated_at = t.updated_at "
            "from (select unnest($1::bigint[]) as session_no, unnest($2::double[]) as updated_at) t "
            "where sessions.session_no = t.session_no",
            [list(times), list(times.values())],
            in_figures=False,  # readers have had these times since the events came
        )

        def saved(memory: Memory) -> None:
            for session_no, updated_at in times.items():
                if memory.unsaved_times.get(session_no) == updated_at:
                    del memory.unsaved_times[session_no]

        transaction.on_commit(saved)

    def _merge_state(self, transaction: Transaction, head: Head, event: NewEvent) -> None:
        if event.app_state:
            transaction.merge_app_state(head.key.app_name, event.app_state, event.timestamp)
        if event.user_state:
            transaction.merge_user_state((head.key.app_name, head.key.user_id), event.user_state, event.timestamp)
        if event.session_state:
            transaction.execute(
                "update sessions set state = $1 where session_no = $2",
                [json.dumps({**head.state, **event.session_state}), head.session_no],
            )
        transaction.time_moved(head, event.timestamp)

    def _ids_of(self, transaction: Transaction, head: Head) -> set[str]:
        ids = self._event_ids.pop(head.session_no, None)
        if ids is None:
            ids = {row[0] for row in transaction.rows("select id from events where session_no = $1", [head.session_no])}
        self._event_ids[head.session_no] = ids
        while len(self._event_ids) > REMEMBERED_IDS:
            del self._event_ids[next(iter(self._event_ids))]
        return ids

    def _remove(self, transaction: Transaction, heads: list[Head]) -> None:
        numbers = [head.session_no for head in heads]
        if not numbers:
            return
        for table, column, parent in (("turn_chunks", "turn_id", "turns"), ("result_data", "result_id", "results")):
            transaction.execute(
                f"delete from {table} where {column} in "
                f"(select id from {parent} where session_no in (select unnest($1::bigint[])))",
                [numbers],
            )
        for table in ("turns", "results", "feedback", "tags", "events", "sessions"):
            transaction.execute(f"delete from {table} where session_no in (select unnest($1::bigint[]))", [numbers])

        def gone(memory: Memory) -> None:
            for number in numbers:
                memory.events.drop(number)
                memory.index.remove(number)
                memory.unsaved_times.pop(number, None)

        transaction.on_commit(gone)
        for head in heads:
            transaction.forget_head(head.key)
            self._event_ids.pop(head.session_no, None)


def _list(memory: Memory, heads: list[Head], *, hidden: bool) -> None:
    for head in heads:
        if hidden:
            memory.index.remove(head.session_no)
        else:
            memory.index.put(head.key, head.session_no, head.updated_at, head.workspace_id)


def new_session_id() -> str:
    """Generate a session id."""
    return str(uuid.uuid4())


def _refuse_stale(head: Head, known: KnownState) -> None:
    if known.revision is not None:
        fresh = known.revision == head.revision
    elif known.last_event_id is not None:
        fresh = known.last_event_id == head.last_event_id
    else:
        fresh = known.updated_at >= head.updated_at or head.last_event_id is None
    if not fresh:
        raise StaleSessionError(
            "The session has been modified in storage since it was loaded. Please reload the session before appending "
            "more events."
        )
