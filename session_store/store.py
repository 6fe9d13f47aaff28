"""The store: everything Colloquy keeps, in one DuckDB file."""

from __future__ import annotations

import atexit
import itertools
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from session_store.engine.open_files import claim, release
from session_store.engine.transaction import Transaction, state_of
from session_store.errors import NOTHING_IS_KEPT
from session_store.history.stored import StoredHistory
from session_store.history.words import Marks
from session_store.limits import LONGEST_TITLE
from session_store.models import (
    GENERAL,
    Page,
    SessionKey,
    SessionStatus,
    SessionSummary,
    StoredEvent,
    TitleSource,
    Turn,
    TurnStatus,
)
from session_store.phrases import shortened
from session_store.sessions import turns as turn_table
from session_store.sessions.feedback import StoredFeedback
from session_store.sessions.listing import (
    excerpts,
    ids_of_sessions,
    page_among,
    page_of_sessions,
    session_at,
    session_of,
)
from session_store.sessions.log import SessionLog
from session_store.sessions.reads import events_of, events_of_turn
from session_store.sessions.results import StoredResults
from session_store.sessions.unkept import UnkeptEnds
from session_store.snapshots.current_copy import CurrentCopies, CurrentCopy
from session_store.snapshots.snapshot import StoredSnapshots
from session_store.transcripts import rewinds
from session_store.workspaces.table import StoredWorkspaces

SEEN_AGAIN_SECONDS = 3600.0
_RANKS = {source: rank for rank, source in enumerate(TitleSource)}


class Store(StoredWorkspaces, StoredResults, StoredFeedback, StoredHistory, StoredSnapshots):
    """Sessions with their events, turns, results and feedback, and workspaces, in one data file.

    Thread-safe. Reads use their own cursors and never wait for a write. A method that writes returns once the write is
    durable (it survives ``kill -9``). Keyset cursors (``before``, ``Page.next``) are opaque strings.
    """

    def __init__(self, path: str | Path) -> None:
        """Open (or create and migrate) the file.

        Raises:
            StoreLockedError, StoreTooNewError, StoreDamagedError, StoreNotWritableError, StoreFullError
        """
        self.path = Path(path).absolute()
        claim(self.path)
        try:
            self.log = SessionLog(self.path)
        except BaseException:
            release(self.path)
            raise
        self._copies = CurrentCopies(self.log.database, lambda: self.log.writer.submit(lambda _: None))
        self._unkept = UnkeptEnds()
        self._chunk_numbers = itertools.count(time.time_ns())
        self._closed = False
        # Pages ask at every chunk of an answer, but the result changes only with the events.
        self._versions = lru_cache(maxsize=200)(lambda key, _revision: rewinds.versions(self.log.database, key))
        self._remove_orphans()
        atexit.register(self.close)

    def close(self) -> None:
        """Finish pending writes and release the file. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        try:
            self.log.close()
        finally:
            self._copies.close()
            release(self.path)

    @property
    def notice(self) -> str | None:
        """What the user should know about the state in which the file was found, as a sentence."""
        return self.log.database.notice

    # -- sessions ------------------------------------------------------------------------------------------------------

    def create_session(
        self,
        key: SessionKey,
        *,
        model: str | None = None,
        workspace_id: str = GENERAL,
        state: Mapping[str, Any] | None = None,
    ) -> SessionSummary:
        """Create an empty session. ``state`` is its initial ADK state.

        Raises:
            AlreadyExistsError: ADK's; the key is in use.
            WorkspaceError: the workspace does not exist.
        """
        head = self.log.create(key, state or {}, model=model, workspace_id=workspace_id).result().head
        return SessionSummary(
            key=key,
            title="",
            title_source=TitleSource.NONE,
            model=model,
            saved=False,
            created_at=head.created_at,
            updated_at=head.updated_at,
            status=SessionStatus.IDLE,
            unseen=False,
            workspace_id=workspace_id,
        )

    def get_session(self, session_id: str) -> SessionSummary | None:
        """Return the session with this id, of any application and user; None if it does not exist or was deleted."""
        found = session_of(self.log.database, self.log.memory, session_id)
        return found and self._as_it_stands(found)

    def is_known(self, session_id: str) -> bool:
        """Whether a session has this id, or had it and can still be restored."""
        return bool(self.log.database.rows("select 1 from sessions where id = $1 limit 1", [session_id]))

    def existing_sessions(self, session_ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose sessions exist and were not deleted. Runs no query."""
        return ids_of_sessions(self.log.memory, session_ids)

    def session_state(self, key: SessionKey) -> dict[str, Any]:
        """Return the session's own ADK state, as JSON values; empty if the session does not exist."""
        rows = self.log.database.rows(
            "select state from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null",
            [key.app_name, key.user_id, key.session_id],
        )
        return dict(state_of(rows))

    def find_session(self, key: SessionKey) -> SessionSummary | None:
        """Return the session with this key; None if it does not exist or was deleted."""
        found = session_at(self.log.database, self.log.memory, key)
        return found and self._as_it_stands(found)

    def list_sessions_among(
        self, user_id: str, among: Collection[SessionKey], *, before: str | None = None, limit: int = 30
    ) -> Page[SessionSummary]:
        """Return those of the given sessions that belong to the user and were not deleted, most recently updated
        first."""
        return self._as_they_stand(
            page_among(self.log.database, self.log.memory, user_id, among, before=before, limit=limit)
        )

    def list_sessions(
        self,
        user_id: str,
        *,
        app_name: str | None = None,
        workspace_id: str | None = None,
        saved: bool | None = None,
        search: str = "",
        before: str | None = None,
        limit: int = 30,
    ) -> Page[SessionSummary]:
        """List a user's sessions, most recently updated first: of one workspace (without its children), or of all.
        ``search`` is a plain substring, case-insensitive, of the title or of the text of any message."""
        return self._as_they_stand(
            page_of_sessions(
                self.log.database,
                self.log.memory,
                user_id=user_id,
                app_name=app_name,
                workspace_id=workspace_id,
                saved=saved,
                search=search,
                before=before,
                limit=limit,
            )
        )

    def excerpts(self, keys: Sequence[SessionKey], search: str) -> dict[SessionKey, tuple[str, Marks]]:
        """Return where messages of these sessions contain ``search``: for each session, a line around the newest match,
        and the positions of the words in it. Omits sessions without a match."""
        return excerpts(self.log.database, keys, search) if keys and search else {}

    def rename_session(self, key: SessionKey, title: str, source: TitleSource, *, asked_for: bool = False) -> bool:
        """Set the title, unless a stronger source wrote the current one; if the user asked for it, always. Returns
        whether the title was set. Shortens titles that are longer than ``LONGEST_TITLE``."""
        weaker = [other.value for other in TitleSource if asked_for or _RANKS[other] <= _RANKS[source]]

        def work(transaction: Transaction) -> bool:
            head = transaction.head(key)
            if head is None or head.deleted:
                return False
            renamed = transaction.change(
                "update sessions set title = $2, title_source = $3 "
                "where session_no = $1 and list_contains($4::varchar[], title_source) returning session_no",
                [head.session_no, shortened(title, LONGEST_TITLE), source.value, weaker],
            )
            transaction.summary_changed(head.session_no)
            return bool(renamed)

        return self.log.writer.submit(work).result()

    def set_saved(self, keys: Iterable[SessionKey], saved: bool) -> None:  # noqa: FBT001 - the value is the point
        """Mark sessions as saved, or no longer."""
        self._set(keys, "saved", saved)

    def set_model(self, key: SessionKey, model: str) -> None:
        """Choose the model for the session's next turns."""
        self._set([key], "model", model)

    def mark_seen(self, key: SessionKey) -> bool:
        """Record that the user has looked at the session now. Writes nothing if the session has nothing unseen and was
        looked at within the last hour, or if nothing can be written: the user still sees the session. Returns whether
        it was written."""
        now = time.time()
        unseen = self.log.database.rows(
            "select 1 from sessions s left join turns t on t.session_no = s.session_no and t.ended_at > s.seen_at "
            "and not t.rewound where s.app_name = $1 and s.user_id = $2 and s.id = $3 "
            "and (t.id is not null or s.seen_at < $4) limit 1",
            [key.app_name, key.user_id, key.session_id, now - SEEN_AGAIN_SECONDS],
        )
        if unseen:
            with suppress(*NOTHING_IS_KEPT):
                self._set([key], "seen_at", now)
                return True
        return False

    def delete_sessions(self, keys: Iterable[SessionKey]) -> None:
        """Hide sessions. ``restore_sessions`` brings them back until ``purge_deleted`` removes them for good."""
        self.log.hide(keys, hidden=True).result()

    def restore_sessions(self, keys: Iterable[SessionKey]) -> None:
        """Bring hidden sessions back."""
        self.log.hide(keys, hidden=False).result()

    def last_deleted(self, *, within: float, user_id: str | None = None) -> list[SessionKey]:
        """Return the sessions, of one user or of all, that the latest deletion hid together, if it was less than
        ``within`` seconds ago."""
        rows = self.log.database.rows(
            "select app_name, user_id, id from sessions where deleted_at > $1 and ($2 is null or user_id = $2) "
            "qualify deleted_at = max(deleted_at) over ()",
            [time.time() - within, user_id],
        )
        return [SessionKey(*row) for row in rows]

    def purge_deleted(self, *, older_than: float) -> list[SessionKey]:
        """Remove sessions that were hidden more than ``older_than`` seconds ago, with everything that belongs to them.
        Returns the removed sessions."""
        return self.log.remove_deleted(time.time() - older_than).result()

    def gone(self, keys: Iterable[SessionKey]) -> list[SessionKey]:
        """Return those of ``keys`` that belong to no session, not even a hidden one."""
        named = "select 1 from sessions where app_name = $1 and user_id = $2 and id = $3"
        return [key for key in keys if not self.log.database.rows(named, [key.app_name, key.user_id, key.session_id])]

    # -- events --------------------------------------------------------------------------------------------------------

    def list_events(
        self,
        key: SessionKey,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
        include_rewound: bool = False,
        oldest: bool = False,
    ) -> list[StoredEvent]:
        """List events in append order (oldest first) with ``after < seq < before``, limited to the newest ``limit`` or,
        with ``oldest``, to the oldest."""
        return events_of(
            self.log.database,
            self.log.memory,
            key,
            before=before,
            after=after,
            limit=limit,
            include_rewound=include_rewound,
            oldest=oldest,
        )

    def events_of_turn(self, turn: Turn) -> list[StoredEvent]:
        """List all events of a turn in append order, including those that were taken back."""
        return events_of_turn(self.log.database, turn)

    def events_around(self, key: SessionKey, event_id: str, limit: int = 50) -> list[StoredEvent]:
        """List at most ``limit`` events in append order around this one, centered if there are enough on both sides.
        Empty if the event does not exist. ``list_events`` continues in both directions."""
        rows = self.log.database.rows(
            "select seq from events where id = $4 and session_no = (select session_no from sessions "
            "where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null)",
            [key.app_name, key.user_id, key.session_id, event_id],
        )
        if not rows or limit < 1:
            return []
        later = self.list_events(key, after=rows[0][0] - 1, limit=limit, oldest=True)
        earlier = self.list_events(key, before=rows[0][0], limit=max(limit // 2, limit - len(later)))
        return [*earlier, *later[: limit - len(earlier)]]

    def versions(self, key: SessionKey) -> Mapping[str, tuple[str, ...]]:
        """Map the id of each turn that is one of several versions of a message to the ids of all versions. Messages
        with a single version are left out. ``session_store.transcripts.rewinds`` defines what counts as a version."""
        known = self.log.recall(key)
        if known is None:
            return rewinds.versions(self.log.database, key)
        if not any(event.rewound for event in known.events):
            return {}
        return self._versions(key, known.head.revision)

    def rewind_to_show(self, key: SessionKey, turn_id: str) -> str | None:
        """Return the invocation to rewind to the start of, so that this turn is part of the conversation again, as it
        was when it last was; None if it already is or never was."""
        return rewinds.rewind_to_show(self.log.database, key, turn_id)

    # -- turns ---------------------------------------------------------------------------------------------------------

    def create_turn(self, turn: Turn) -> None:
        """Save a turn. Durable when it returns."""
        self.log.writer.submit(lambda transaction: turn_table.insert_turn(transaction, turn)).result()

    def update_turn(
        self,
        turn_id: str,
        *,
        status: TurnStatus | None = None,
        model: str | None = None,
        started_at: float | None = None,
        first_token_at: float | None = None,
        ended_at: float | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        error: str | None = None,
    ) -> None:
        """Set the given fields; None leaves a field unchanged. Ending a turn also drops its chunks (see
        append_chunks)."""
        fields = {
            "status": status,
            "model": model,
            "started_at": started_at,
            "first_token_at": first_token_at,
            "ended_at": ended_at,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "error": error,
        }
        self.log.writer.submit(lambda transaction: turn_table.change_turn(transaction, turn_id, fields)).result()
        if status is not None and status.is_over:
            self._unkept.remove(turn_id)

    def turn_ended_unkept(self, turn: Turn, status: TurnStatus, ended_at: float, error: str | None) -> None:
        """Report a turn as ended to all readers although the file cannot be written now, until ``update_turn`` writes
        it."""
        self._unkept.add(turn, status, ended_at, error)

    def get_turn(self, turn_id: str) -> Turn | None:
        """Return the turn, or None."""
        ends = self._unkept.known()
        found = turn_table.turn_of(self.log.database, turn_id)
        return found and ends.turn(found)

    def get_turns(self, turn_ids: Iterable[str]) -> dict[str, Turn]:
        """Return those of the given turns that exist, by id. Their ``message`` is empty: pages ask for the status
        often, and messages may contain files."""
        ends = self._unkept.known()
        found = turn_table.turns_by_id(self.log.database, turn_ids)
        return {turn_id: ends.turn(turn) for turn_id, turn in found.items()}

    def list_unfinished_turns(self, key: SessionKey | None = None) -> list[Turn]:
        """List turns that are queued, running or paused, in order of creation; of one session, or of all."""
        ends = self._unkept.known()
        found = map(ends.turn, turn_table.unfinished_turns(self.log.database, key))
        return [turn for turn in found if not turn.status.is_over]

    def append_chunks(self, chunks: Mapping[str, str]) -> None:
        """Append what running turns said since the last call, by turn id, in one transaction.

        Chunks serve to recover the partial text of a turn whose process died. They are deleted when the turn ends.
        """
        if not chunks:
            return
        kept, number = dict(chunks), next(self._chunk_numbers)
        self.log.writer.submit(lambda transaction: turn_table.insert_chunks(transaction, kept, number)).result()

    def partial_text(self, turn_id: str) -> str:
        """Return the text of a turn that ``append_chunks`` kept, joined."""
        return turn_table.text_of(self.log.database, turn_id)

    # -- questions in SQL ----------------------------------------------------------------------------------------------

    def cursor(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open a cursor for SQL queries within the block. Names without a schema refer to ``history``.

        The engine never reads files or reaches the network, whatever the query. Writes are not blocked. Closing the
        store interrupts running queries.
        """
        return self.log.database.cursor()

    def current_copy(self) -> AbstractContextManager[CurrentCopy]:
        """Provide a copy of the file for another process to query within the block, at most seconds old.

        Raises:
            SnapshotError, StoreClosedError: no copy is available.
        """
        return self._copies.current()

    def _as_it_stands(self, session: SessionSummary) -> SessionSummary:
        return self._unkept.session(session, self.list_unfinished_turns)

    def _as_they_stand(self, page: Page[SessionSummary]) -> Page[SessionSummary]:
        return replace(page, items=tuple(map(self._as_it_stands, page.items)))

    def _set(self, keys: Iterable[SessionKey], column: str, value: object) -> None:
        wanted = list(keys)

        def work(transaction: Transaction) -> None:
            for head in filter(None, map(transaction.head, wanted)):
                transaction.execute(
                    f"update sessions set {column} = $2 where session_no = $1", [head.session_no, value]
                )
                transaction.summary_changed(head.session_no)

        self.log.writer.submit(work).result()
