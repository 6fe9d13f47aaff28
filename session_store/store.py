"""The store: everything Colloquy keeps, in one DuckDB file."""

from __future__ import annotations

import atexit
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb

from session_store.engine.database import claim, release
from session_store.history.labels import StoredLabels
from session_store.history.listing import StoredHistory
from session_store.history.queries import StoredQueries
from session_store.sessions.events import StoredEvents
from session_store.sessions.feedback import StoredFeedback
from session_store.sessions.log import SessionLog
from session_store.sessions.results import StoredResults
from session_store.sessions.sessions import StoredSessions
from session_store.sessions.turns import StoredTurns
from session_store.snapshots.current_copy import CurrentCopies, CurrentCopy
from session_store.snapshots.snapshot import StoredSnapshots
from session_store.workspaces.table import StoredWorkspaces


class Store:
    """One data file, and a part for each subject that it keeps: ``store.sessions.list(...)``, ``store.turns.get(...)``.

    Thread-safe. Reads use their own cursors and never wait for a write. A method that writes returns once the write is
    durable (it survives ``kill -9``).
    """

    def __init__(self, path: str | Path) -> None:
        """Open (or create and migrate) the file.

        Raises:
            StoreLockedError, StoreTooNewError, StoreDamagedError, StoreNotWritableError, StoreFullError
        """
        self.path = Path(path).absolute()
        claim(self.path)
        try:
            self.log = log = SessionLog(self.path)
        except BaseException:
            release(self.path)
            raise
        self.turns = StoredTurns(log)
        self.sessions = StoredSessions(log, self.turns)
        self.events = StoredEvents(log)
        self.results = StoredResults(log)
        self.feedback = StoredFeedback(log)
        self.history = StoredHistory(log)
        self.labels = StoredLabels(log)
        self.queries = StoredQueries(log)
        self.workspaces = StoredWorkspaces(log)
        self.snapshots = StoredSnapshots(log)
        self._copies = CurrentCopies(log.database, lambda: log.writer.submit(lambda _: None))
        self._closed = False
        self.results.remove_orphans()
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
