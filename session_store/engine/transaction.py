"""The changes of one group of writes: rows in the database immediately, values in memory after the commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import duckdb

from session_store.json_safe import without_halves
from session_store.models import SessionKey, Workspace
from session_store.sessions.cache import CachedEvent, Head, Memory, State, UserScope
from session_store.sessions.event_rows import Columns

SELECT_SESSION = """
    select session_no, created_at, updated_at, deleted_at is not null, terminated_at is not null, state, workspace_id
    from sessions where id = $3 and user_id = $2 and app_name = $1
"""
SELECT_HEAD = """
    select s.session_no, s.created_at, s.updated_at, s.deleted_at is not null, s.terminated_at is not null, s.state,
        s.workspace_id, e.seq, e.timestamp, e.id
    from sessions s left join (
        select session_no, max(seq) as seq, arg_max(timestamp, seq) filter (not copied) as timestamp,
            arg_max(id, seq) as id
        from events where session_no = (
            select session_no from sessions where id = $3 and user_id = $2 and app_name = $1)
        group by session_no
    ) e using (session_no)
    where s.id = $3 and s.user_id = $2 and s.app_name = $1
"""


NEW_SESSION = (
    "session_no",
    "app_name",
    "user_id",
    "id",
    "title",
    "title_source",
    "model",
    "saved",
    "created_at",
    "updated_at",
    "seen_at",
    "state",
    "workspace_id",
)
"""The columns of a new session's row, in order."""


class RowBuffer:
    """Buffers new rows of a table and sends them in bulk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str] | None = None) -> None:
        self._appender = connection.appender(table, columns=list(columns) if columns else None)
        self._rows: list[Columns] = []

    def add(self, row: Columns) -> None:
        """Buffer a row for the next flush."""
        self._rows.append(row)

    def flush(self) -> None:
        """Send the buffered rows."""
        if self._rows:
            rows, self._rows = self._rows, []
            try:
                self._appender.append_rows(rows)
                self._appender.flush()
            except BaseException:
                self._appender.clear()
                raise

    def __len__(self) -> int:
        return len(self._rows)

    def clear(self) -> None:
        """Discard the rows that were not sent."""
        self._rows.clear()


class Transaction:
    """The object that the writer passes to each job."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, sessions: RowBuffer, events: RowBuffer, memory: Memory
    ) -> None:
        self.changes = 0
        self._in_figures = False
        self._started = False
        self._connection = connection
        self._sessions = sessions
        self._sessions.clear()
        self._events = events
        self._events.clear()
        self._memory = memory
        self._heads: dict[SessionKey, Head | None] = {}
        self._app_states: dict[str, State] = {}
        self._user_states: dict[UserScope, State] = {}
        self._workspaces: Mapping[str, Workspace] | None = None
        self._times: dict[int, float] = {}
        self._on_commit: list[Callable[[Memory], None]] = []
        self._on_rollback: list[Callable[[], object]] = []

    # -- the database --------------------------------------------------------------------------------------------------

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query that sees all changes so far."""
        self._flush()
        return self._connection.execute(sql, without_halves(parameters)).fetchall()

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a change and return the rows that it returns."""
        self.changes += 1
        self._in_figures = True
        self._start()
        return self.rows(sql, parameters)

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), *, in_figures: bool = True) -> None:
        """Run a change. ``in_figures`` is false for one that no figure of the analytics and no filter depends on: it
        leaves the memory's ``figures_revision`` as it is."""
        self.changes += 1
        self._in_figures |= in_figures
        self._start()
        self._flush()
        self._connection.execute(sql, without_halves(parameters))

    def add_session(self, row: Columns) -> None:
        """Insert a session, given the columns of ``NEW_SESSION``."""
        self.changes += 1
        self._in_figures = True
        self._sessions.add(row)

    def add_event(self, row: Columns, session_no: int, cached: CachedEvent) -> None:
        """Insert an event."""
        self.changes += 1
        self._in_figures = True
        self._events.add(row)
        self.on_commit(lambda memory: memory.events.extend(session_no, cached))

    def commit(self) -> None:
        """Make all changes durable."""
        if self._sessions and self._events:
            self._start()
        # With only new events, or only new sessions, one statement needs no explicit transaction.
        self._sessions.flush()
        self._events.flush()
        if self._started:
            self._connection.commit()

    def undo(self) -> None:
        """Roll back and discard everything."""
        for action in self._on_rollback:
            action()
        if self._started:
            self._connection.rollback()

    def _start(self) -> None:
        if not self._started:
            self._connection.begin()
            self._started = True

    def _flush(self) -> None:
        if self._sessions or self._events:
            self._start()
            self._sessions.flush()
            self._events.flush()

    # -- memory --------------------------------------------------------------------------------------------------------

    def head(self, key: SessionKey) -> Head | None:
        """Return the session's current head, deleted or not; None if the session does not exist."""
        if key in self._heads:
            return self._heads[key]
        with self._memory.lock:
            if key in self._memory.heads:
                return self._memory.heads.get(key)
        found = self.rows(SELECT_HEAD, [key.app_name, key.user_id, key.session_id])
        head = head_of(key, found[0]) if found else None
        self._heads[key] = head
        return head

    def present(self, keys: Iterable[SessionKey]) -> list[Head]:
        """Return the heads of those sessions that exist and were not deleted."""
        return [head for key in dict.fromkeys(keys) if (head := self.head(key)) is not None and not head.deleted]

    def set_head(self, head: Head) -> None:
        """Change a session's head."""
        self.changes += 1
        self._heads[head.key] = head

    def forget_head(self, key: SessionKey) -> None:
        """Record that the session no longer exists."""
        self.changes += 1
        self._heads[key] = None

    def time_moved(self, head: Head, updated_at: float) -> None:
        """Sort the list by ``updated_at`` from now on; the table follows later."""
        self._times[head.session_no] = updated_at
        self.on_commit(lambda memory: memory.index.put(head.key, head.session_no, updated_at, head.workspace_id))

    def workspace_changed(self, head: Head) -> None:
        """List the session in the workspace that ``head`` names."""
        self.set_head(head)
        if not head.deleted:
            self.on_commit(
                lambda memory: memory.index.put(head.key, head.session_no, head.updated_at, head.workspace_id)
            )
        self.summary_changed(head.session_no)

    def summary_changed(self, session_no: int) -> None:
        """Mark the session's summary to be read again."""
        self.on_commit(lambda memory: memory.index.changed(session_no))

    def workspaces(self) -> Mapping[str, Workspace]:
        """Return all current workspaces, by id."""
        if self._workspaces is None:
            with self._memory.lock:
                self._workspaces = self._memory.workspaces
        return self._workspaces

    def set_workspaces(self, workspaces: Mapping[str, Workspace]) -> None:
        """Replace the workspaces in memory, after one was changed in the table."""
        self.changes += 1
        self._workspaces = workspaces

    def app_state(self, app_name: str) -> State:
        """Return the state shared by an application's sessions."""
        if app_name not in self._app_states:
            with self._memory.lock:
                state = self._memory.app_states.get(app_name)
            if state is None:
                state = state_of(self.rows("select state from app_states where app_name = $1", [app_name]))
            self._app_states[app_name] = state
        return self._app_states[app_name]

    def user_state(self, scope: UserScope) -> State:
        """Return the state shared by a user's sessions with an application."""
        if scope not in self._user_states:
            with self._memory.lock:
                state = self._memory.user_states.get(scope)
            if state is None:
                state = state_of(
                    self.rows("select state from user_states where app_name = $1 and user_id = $2", list(scope))
                )
            self._user_states[scope] = state
        return self._user_states[scope]

    def merge_app_state(self, app_name: str, delta: State, now: float) -> None:
        """Update an application's state, as ``dict.update`` does."""
        merged = {**self.app_state(app_name), **delta}
        self.execute(
            "insert into app_states values ($1, $2, $3) "
            "on conflict (app_name) do update set state = excluded.state, updated_at = excluded.updated_at",
            [app_name, json.dumps(merged), now],
        )
        self._app_states[app_name] = merged

    def merge_user_state(self, scope: UserScope, delta: State, now: float) -> None:
        """Update a user's state with an application, as ``dict.update`` does."""
        merged = {**self.user_state(scope), **delta}
        self.execute(
            "insert into user_states values ($1, $2, $3, $4) "
            "on conflict (app_name, user_id) do update set state = excluded.state, updated_at = excluded.updated_at",
            [*scope, json.dumps(merged), now],
        )
        self._user_states[scope] = merged

    def on_commit(self, action: Callable[[Memory], None]) -> None:
        """Call ``action`` once everything is durable, holding the memory's lock."""
        self._on_commit.append(action)

    def on_rollback(self, action: Callable[[], object]) -> None:
        """Call ``action`` if the transaction is rolled back."""
        self._on_rollback.append(action)

    def publish(self) -> None:
        """Make the committed changes visible to all readers."""
        memory = self._memory
        with memory.lock:
            memory.figures_revision += self._in_figures
            for key, head in self._heads.items():
                memory.heads.put(key, head)
                if head is not None:
                    memory.session_states.put(head.session_no, head.state)
            for app_name, state in self._app_states.items():
                memory.app_states.put(app_name, state)
            for scope, state in self._user_states.items():
                memory.user_states.put(scope, state)
            if self._workspaces is not None:
                memory.workspaces = self._workspaces
            memory.unsaved_times.update(self._times)
            for action in self._on_commit:
                action(memory)
            memory.shrink()


def head_of(key: SessionKey, row: tuple[Any, ...]) -> Head:
    """Build the head from a row of ``SELECT_HEAD``. Copied events do not count as updates of a branch."""
    session_no, created_at, updated_at, deleted, terminated, state, workspace_id, seq, timestamp, event_id = row
    return Head(
        key=key,
        session_no=session_no,
        created_at=created_at,
        updated_at=updated_at if timestamp is None else timestamp,
        revision=session_no if seq is None else seq,
        last_event_id=event_id,
        state=json.loads(state),
        workspace_id=workspace_id,
        deleted=deleted,
        terminated=terminated,
    )


def state_of(rows: list[tuple[Any, ...]]) -> State:
    """Return the state from the only column of the only row; empty if there is no row."""
    return dict(json.loads(rows[0][0])) if rows else {}
