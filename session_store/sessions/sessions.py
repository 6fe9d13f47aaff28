"""Sessions as the store offers them: created, found, listed, changed and deleted."""

from __future__ import annotations

import builtins
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from session_store.engine.transaction import Transaction, state_of
from session_store.errors import NOTHING_IS_KEPT
from session_store.history.branches import branch
from session_store.history.words import Marks
from session_store.limits import LONGEST_TITLE
from session_store.models import GENERAL, Page, SessionKey, SessionStatus, SessionSummary, TitleSource
from session_store.phrases import shortened
from session_store.sessions.listing import (
    excerpts,
    ids_of_sessions,
    page_among,
    page_of_sessions,
    session_at,
    session_of,
)
from session_store.sessions.log import SessionLog
from session_store.sessions.turns import StoredTurns
from session_store.workspaces.tree import required

SEEN_AGAIN_SECONDS: Final = 3600.0
_RANKS: Final = {source: rank for rank, source in enumerate(TitleSource)}


class StoredSessions:
    """The part of the store that keeps sessions. Keyset cursors (``before``, ``Page.next``) are opaque strings."""

    def __init__(self, log: SessionLog, turns: StoredTurns) -> None:
        self._log = log
        self._turns = turns

    def create(
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
        head = self._log.create(key, state or {}, model=model, workspace_id=workspace_id).result().head
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

    def branch(self, key: SessionKey, event_id: str, new_id: str) -> SessionSummary:
        """Create a session with everything said in another one up to and including one of its events. See
        ``session_store.history.branches``.

        Raises:
            HistoryError: the session does not exist, or has no such event that was not taken back.
            AlreadyExistsError: ADK's; ``new_id`` is in use.
        """
        return branch(self._log, key, event_id, new_id)

    def get(self, session_id: str) -> SessionSummary | None:
        """Return the session with this id, of any application and user; None if it does not exist or was deleted."""
        found = session_of(self._log.database, self._log.memory, session_id)
        return found and self._as_it_stands(found)

    def find(self, key: SessionKey) -> SessionSummary | None:
        """Return the session with this key; None if it does not exist or was deleted."""
        found = session_at(self._log.database, self._log.memory, key)
        return found and self._as_it_stands(found)

    def is_known(self, session_id: str) -> bool:
        """Whether a session has this id, or had it and can still be restored."""
        return bool(self._log.database.rows("select 1 from sessions where id = $1 limit 1", [session_id]))

    def existing(self, session_ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose sessions exist and were not deleted. Runs no query."""
        return ids_of_sessions(self._log.memory, session_ids)

    def gone(self, keys: Iterable[SessionKey]) -> builtins.list[SessionKey]:
        """Return those of ``keys`` that belong to no session, not even a hidden one."""
        named = "select 1 from sessions where app_name = $1 and user_id = $2 and id = $3"
        return [key for key in keys if not self._log.database.rows(named, [key.app_name, key.user_id, key.session_id])]

    def state(self, key: SessionKey) -> dict[str, Any]:
        """Return the session's own ADK state, as JSON values; empty if the session does not exist."""
        rows = self._log.database.rows(
            "select state from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null",
            [key.app_name, key.user_id, key.session_id],
        )
        return dict(state_of(rows))

    def list(
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
                self._log.database,
                self._log.memory,
                user_id=user_id,
                app_name=app_name,
                workspace_id=workspace_id,
                saved=saved,
                search=search,
                before=before,
                limit=limit,
            )
        )

    def list_among(
        self, user_id: str, among: Collection[SessionKey], *, before: str | None = None, limit: int = 30
    ) -> Page[SessionSummary]:
        """Return those of the given sessions that belong to the user and were not deleted, most recently updated
        first."""
        return self._as_they_stand(
            page_among(self._log.database, self._log.memory, user_id, among, before=before, limit=limit)
        )

    def excerpts(self, keys: Sequence[SessionKey], search: str) -> dict[SessionKey, tuple[str, Marks]]:
        """Return where messages of these sessions contain ``search``: for each session, a line around the newest match,
        and the positions of the words in it. Omits sessions without a match."""
        return excerpts(self._log.database, keys, search) if keys and search else {}

    def rename(self, key: SessionKey, title: str, source: TitleSource, *, asked_for: bool = False) -> bool:
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

        return self._log.writer.submit(work).result()

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
        unseen = self._log.database.rows(
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

    def terminate(self, keys: Iterable[SessionKey]) -> None:
        """Terminate sessions. A terminated session continues with its next turn; terminating it twice changes
        nothing."""
        wanted, now = list(keys), time.time()

        def work(transaction: Transaction) -> None:
            heads = [head for head in transaction.present(wanted) if not head.terminated]
            if heads:
                transaction.execute(
                    "update sessions set terminated_at = $1 where session_no in (select unnest($2::bigint[]))",
                    [now, [head.session_no for head in heads]],
                )
            for head in heads:
                transaction.set_head(replace(head, terminated=True))
                transaction.summary_changed(head.session_no)

        self._log.writer.submit(work).result()

    def move(self, keys: Iterable[SessionKey], workspace_id: str) -> None:
        """Move sessions, including deleted ones, to another workspace. Skips unknown ones.

        Raises:
            WorkspaceError: the workspace does not exist.
        """
        wanted = list(keys)

        def work(transaction: Transaction) -> None:
            required(transaction.workspaces(), workspace_id)
            heads = [head for key in wanted if (head := transaction.head(key)) is not None]
            transaction.execute(
                "update sessions set workspace_id = $1 where session_no in (select unnest($2::bigint[]))",
                [workspace_id, [head.session_no for head in heads]],
            )
            for head in heads:
                transaction.workspace_changed(replace(head, workspace_id=workspace_id))

        self._log.writer.submit(work).result()

    def delete(self, keys: Iterable[SessionKey]) -> None:
        """Hide sessions. ``restore`` brings them back until ``purge_deleted`` removes them for good."""
        self._log.hide(keys, hidden=True).result()

    def restore(self, keys: Iterable[SessionKey]) -> None:
        """Bring hidden sessions back."""
        self._log.hide(keys, hidden=False).result()

    def last_deleted(self, *, within: float, user_id: str | None = None) -> builtins.list[SessionKey]:
        """Return the sessions, of one user or of all, that the latest deletion hid together, if it was less than
        ``within`` seconds ago."""
        rows = self._log.database.rows(
            "select app_name, user_id, id from sessions where deleted_at > $1 and ($2 is null or user_id = $2) "
            "qualify deleted_at = max(deleted_at) over ()",
            [time.time() - within, user_id],
        )
        return [SessionKey(*row) for row in rows]

    def purge_deleted(self, *, older_than: float) -> builtins.list[SessionKey]:
        """Remove sessions that were hidden more than ``older_than`` seconds ago, with everything that belongs to them.
        Returns the removed sessions."""
        return self._log.remove_deleted(time.time() - older_than).result()

    def _as_it_stands(self, session: SessionSummary) -> SessionSummary:
        return self._turns.as_it_stands(session)

    def _as_they_stand(self, page: Page[SessionSummary]) -> Page[SessionSummary]:
        return replace(page, items=tuple(map(self._as_it_stands, page.items)))

    def _set(self, keys: Iterable[SessionKey], column: str, value: object) -> None:
        wanted = list(keys)

        def work(transaction: Transaction) -> None:
            for head in filter(None, map(transaction.head, wanted)):
                transaction.execute(
                    f"update sessions set {column} = $2 where session_no = $1",
                    [head.session_no, value],
                    in_figures=column != "seen_at",
                )
                transaction.summary_changed(head.session_no)

        self._log.writer.submit(work).result()
