"""Opens the DuckDB file, with helpful errors, once in a process, and provides cursors for readers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from session_store.engine.faults import explain, foreign, is_fatal, other_kind, unusable_path
from session_store.engine.migrations import is_foreign, migrate
from session_store.engine.write_ahead_log import incomplete_part, keep_incomplete
from session_store.errors import StoreClosedError, StoreError, StoreLockedError
from session_store.json_safe import without_halves

IDLE_CURSORS = 8
AGAIN = 0.01
"""Seconds between two interruptions of the same queries."""
PATIENCE = 500
"""How often queries are interrupted before the file is closed without waiting for them any longer."""
LOG_BYTES = 16_000_000
LOG_BYTES_UNDER_LOAD = 64_000_000
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # No outside access: DuckDB would fetch an extension to read a file of another kind.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    # A name in a query never refers to a variable of this program, and a query too large for memory never spills to
    # disk.
    "python_enable_replacements": False,
    "temp_directory": "",
    "memory_limit": "2GB",
    # The writer decides when to checkpoint: if an automatic checkpoint failed, its commit would be reported as failed.
    "checkpoint_threshold": "1TB",
}

_claiming = threading.Lock()
_claimed: set[str] = set()
"""The files that this process has open: DuckDB would open one twice, and two writers would clash."""


def claim(path: Path) -> None:
    """Record that ``path`` is open.

    Raises:
        StoreLockedError: it is already open.
    """
    with _claiming:
        if os.path.realpath(path) in _claimed:
            raise StoreLockedError(
                f"{path} is in use by this very process (PID {os.getpid()}). Share the open store instead of opening "
                "the file again."
            )
        _claimed.add(os.path.realpath(path))


def release(path: Path) -> None:
    """Record that ``path`` was closed."""
    with _claiming:
        _claimed.discard(os.path.realpath(path))


@dataclass(frozen=True, slots=True)
class Still:
    """States that the main file does not change: together with the first ``log_bytes`` of the log beside it, it holds
    everything that was acknowledged. Writes waited for ``paused`` seconds."""

    log_bytes: int
    paused: float


class Database:
    """One open DuckDB file: the writer's connection and a pool of cursors for readers.

    ``prepare`` runs on the writer's connection after each opening, before any reader.
    """

    def __init__(self, path: Path, prepare: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        self.path = path
        self._prepare = prepare
        self._gate = threading.Condition()
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._lent: set[duckdb.DuckDBPyConnection] = set()
        self._reading = 0
        self._broken = False
        self._closed = False
        self._obstacle: StoreError | None = None
        self._still: Future[Still] | None = None
        self._openings = 0
        self.notice: str | None = None
        """What the user should know about the state in which the file was found, as a sentence."""
        self._writer: duckdb.DuckDBPyConnection | None = self._open()

    @property
    def writer(self) -> duckdb.DuckDBPyConnection:
        """The connection that only the writer thread uses."""
        if self._writer is None:
            raise self._obstacle or StoreClosedError(f"The database {self.path} is closed.")
        return self._writer

    def require_open(self) -> None:
        """Check that the store is open, for reads that are answered from memory.

        Raises:
            StoreClosedError: the store was closed.
        """
        if self._closed:
            raise StoreClosedError(f"The database {self.path} is closed.")

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor for the caller's exclusive use. DuckDB's errors are turned into the project's."""
        cursor = self._borrow()
        try:
            yield cursor
        except duckdb.Error as error:
            self._give_back(None)
            if is_fatal(error):
                self.mark_broken()
            if isinstance(error, duckdb.OutOfMemoryException):
                self.make_room()
            raise explain(error, self.path) from error
        except BaseException:
            self._give_back(None)
            raise
        else:
            self._give_back(cursor)

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return all rows of one query, read on a separate cursor."""
        with self.reading() as cursor:
            return cursor.execute(sql, without_halves(parameters or [])).fetchall()

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor for queries within the block. Names without a schema refer to the schema ``history``.

        Raises:
            StoreClosedError: the store was closed.
        """
        with self._gate:
            self.require_open()
            cursor = self.writer.cursor()
            self._lent.add(cursor)
        try:
            cursor.execute("use history")
            yield cursor
        finally:
            with self._gate:
                self._lent.discard(cursor)
                self._gate.notify_all()
            cursor.close()

    def make_room(self) -> bool:
        """Interrupt what runs on lent cursors, whose queries share the memory. Returns whether there were any."""
        with self._gate:
            for cursor in self._lent:
                cursor.interrupt()
            return bool(self._lent)

    @property
    def is_broken(self) -> bool:
        """Whether DuckDB gave up on the open file, so that it must be reopened."""
        return self._broken

    def mark_broken(self) -> None:
        """Record that DuckDB gave up on the open file."""
        self._broken = True

    def checkpoint(self, *, under_load: bool) -> None:
        """Move the write-ahead log into the main file if it has grown large. If that fails, nothing is lost."""
        log = self.path.with_name(self.path.name + ".wal")
        limit = LOG_BYTES_UNDER_LOAD if under_load else LOG_BYTES
        wish = self._still
        if wish is not None:
            self._hold_still(wish, log)
            return
        if self._broken:
            return
        try:
            if log.stat().st_size < limit:
                return
        except OSError:
            return
        try:
            self.writer.execute("checkpoint")
        except duckdb.Error as error:
            if is_fatal(error):
                self.mark_broken()

    @contextlib.contextmanager
    def still(self, wake: Callable[[], object] = lambda: None) -> Iterator[Still]:
        """Keep the main file unchanged while it is copied: writes in the meantime go to the log beside it. Waits until
        the writer has done its part, and for other copies. ``wake`` makes the writer do so at once.

        Raises:
            StoreClosedError: the store was closed.
            StoreError: the file had to be reopened in the meantime.
        """
        with self._gate:
            self._gate.wait_for(lambda: self._still is None)
            self.require_open()
            self._still = wish = Future[Still]()
            openings = self._openings
        try:
            wake()
            yield wish.result()
        finally:
            with self._gate:
                self._still = None
                self._gate.notify_all()
        if openings != self._openings:
            raise StoreError(f"{self.path} had to be opened anew while it was copied. Try it again.")

    def _hold_still(self, wish: Future[Still], log: Path) -> None:
        """The writer's part, once: move everything into the main file, unless a reader of an older state prevents
        it."""
        if wish.done():
            return
        begin = time.perf_counter()
        try:
            self.writer.execute("checkpoint")
        except duckdb.TransactionException:
            pass
        except duckdb.Error as error:
            if is_fatal(error):
                self.mark_broken()
            wish.set_exception(explain(error, self.path))
            return
        except StoreError as error:
            wish.set_exception(error)
            return
        log_bytes = log.stat().st_size if log.exists() else 0
        wish.set_result(Still(log_bytes, time.perf_counter() - begin))

    def reopen(self) -> None:
        """Reopen the file after a fatal error. Interrupts queries and waits for readers to release the old one.

        Raises:
            StoreError: it cannot be opened yet; a later call tries again.
        """
        with self._gate:
            self._end_questions()
            self._gate.wait_for(lambda: self._reading == 0)
            self._close_all()
            try:
                self._writer = self._open()
            except StoreError as error:
                self._obstacle = error
                raise
            self._obstacle = None
            self._broken = False

    def close(self) -> None:
        """Interrupt queries, wait for readers, write everything into the main file and release it."""
        with self._gate:
            self._closed = True
            if self._still is not None and not self._still.done():
                self._still.set_exception(StoreClosedError(f"The database {self.path} is closed."))
            self._end_questions()
            self._gate.wait_for(lambda: self._reading == 0 and self._still is None)
            self._close_all()

    def _borrow(self) -> duckdb.DuckDBPyConnection:
        with self._gate:
            cursor = self._idle.pop() if self._idle else self.writer.cursor()
            self._reading += 1
            return cursor

    def _give_back(self, cursor: duckdb.DuckDBPyConnection | None) -> None:
        with self._gate:
            self._reading -= 1
            if cursor is not None and len(self._idle) < IDLE_CURSORS:
                self._idle.append(cursor)
            self._gate.notify_all()

    def _close_all(self) -> None:
        connections = [*self._idle, *([self._writer] if self._writer else [])]
        self._idle.clear()
        self._writer = None
        for connection in connections:
            with contextlib.suppress(duckdb.Error):
                connection.close()

    def _end_questions(self) -> None:
        """Interrupt lent cursors until all have been returned. Once is not enough: an interruption that comes before a
        query is lost. No cursor is closed here, as that would wait for its running query."""
        for _ in range(PATIENCE):
            if not self.make_room() or self._gate.wait_for(lambda: not self._lent, AGAIN):
                return

    def _open(self) -> duckdb.DuckDBPyConnection:
        problem = unusable_path(self.path)
        if problem is not None:
            raise problem
        is_new = not self.path.exists()
        # After the first opening, an incomplete part is a change that was reported as failed.
        tail = b"" if self._openings else incomplete_part(self.path)
        if not self._openings and (problem := other_kind(self.path)):
            raise problem
        try:
            return self._connect(tail, is_new=is_new)
        except duckdb.Error as error:
            if is_new:
                # A file left unfinished by a full disk would later look damaged.
                with contextlib.suppress(OSError):
                    self.path.unlink()
            raise explain(error, self.path) from error

    def _connect(self, tail: bytes, *, is_new: bool) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.path), config=_CONFIG)
        self._openings += 1
        try:
            if not is_new:
                _refuse_foreign(connection, self.path)
            if tail:  # until something is written, DuckDB leaves it in place
                self.notice = keep_incomplete(self.path, tail)
            migrate(connection, self.path)
            self._prepare(connection)
            _lock(connection)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            connection.close()
            raise foreign(self.path) from error
        except BaseException:
            connection.close()
            raise
        return connection


def _refuse_foreign(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Leave a file alone that another program created."""
    if is_foreign(connection):
        connection.execute("pragma disable_checkpoint_on_shutdown")  # it would write to the file
        raise foreign(path)


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Restrict the database, because agents query it in SQL: no other files, no network, and no way to change that."""
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
