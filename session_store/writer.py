"""One thread that writes: whatever waits is committed as one transaction."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import duckdb

from session_store.engine.database import Database
from session_store.engine.faults import explain, is_fatal
from session_store.errors import StoreClosedError, StoreError

T = TypeVar("T")
MAX_GROUP = 256
IDLE_SECONDS = 0.1
PAUSES = (0.01, 0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds given to interrupted queries to let go of their memory, before each further attempt to write."""


class Transaction(Protocol):
    """What is changed together. Nothing of it shows to anybody before ``publish``."""

    @property
    def changes(self) -> int:
        """Grows with every change that was asked for."""

    def commit(self) -> None:
        """Make everything durable."""

    def publish(self) -> None:
        """Show the changes in memory, after they were committed."""

    def undo(self) -> None:
        """Roll back, and forget the changes."""


X = TypeVar("X", bound=Transaction)


@dataclass(slots=True)
class _Job(Generic[X]):
    work: Callable[[X], Any]
    done: Future[Any]


class Writer(Generic[X]):
    """Runs pieces of work on its thread, in order, several of them in one transaction.

    A piece of work that fails without having changed anything fails alone. Any other failure undoes the group, and
    its pieces run again one by one, so that only the bad one fails.
    """

    def __init__(
        self,
        database: Database,
        begin: Callable[[], X],
        *,
        reopened: Callable[[], None],
        idle: Callable[[], Callable[[X], None] | None],
    ) -> None:
        """Start the thread.

        Args:
            database: where to write.
            begin: makes the transaction that pieces of work are given.
            reopened: called after the file was opened anew, to forget what was kept in memory.
            idle: called when nothing waits; may return work that can be done now.
        """
        self._database = database
        self._begin = begin
        self._reopened = reopened
        self._idle = idle
        self._jobs: queue.SimpleQueue[_Job[X] | None] = queue.SimpleQueue()
        self._closed = False
        self._entry = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="session-store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[X], T]) -> Future[T]:
        """Queue a piece of work; the future is done once it is durable, or failed."""
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()
        with self._entry:
            if self._closed:
                raise StoreClosedError(f"The database {self._database.path} is closed.")
            self._jobs.put(_Job(work, done))
        return done

    def close(self) -> None:
        """Finish what waits and end the thread."""
        with self._entry:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            jobs, more = self._next_group()
            if jobs:
                self._write(jobs)
            if not jobs or not more:
                self._when_idle()
            self._database.checkpoint(under_load=bool(jobs))
            if not more:
                return

    def _next_group(self) -> tuple[list[_Job[X]], bool]:
        try:
            job = self._jobs.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return [], True
        jobs: list[_Job[X]] = []
        while job is not None:
            jobs.append(job)
            if len(jobs) >= MAX_GROUP:
                return jobs, True
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, True
        return jobs, False

    def _when_idle(self) -> None:
        work = self._idle()
        if work is not None:
            self._write([_Job(work, Future())])

    def _write(self, jobs: list[_Job[X]]) -> None:
        try:
            outcomes = self._commit_in_memory(jobs)
        except StoreError as error:
            self._fail(jobs, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to who waits for it
            if len(jobs) == 1:
                self._fail(jobs, explain(error, self._database.path) if isinstance(error, duckdb.Error) else error)
            else:
                for job in jobs:
                    self._write([job])
        else:
            for job, (result, failure) in zip(jobs, outcomes, strict=True):
                if failure is None:
                    job.done.set_result(result)
                else:
                    job.done.set_exception(failure)

    def _fail(self, jobs: list[_Job[X]], error: BaseException) -> None:
        for job in jobs:
            job.done.set_exception(error)

    def _commit_in_memory(self, jobs: list[_Job[X]]) -> list[tuple[Any, BaseException | None]]:
        """Commit, and where memory does not suffice put an end to questions of others, which can be asked again."""
        for seconds in PAUSES:
            try:
                return self._commit(jobs)
            except duckdb.OutOfMemoryException:
                if not self._database.make_room():
                    raise
                time.sleep(seconds)
        return self._commit(jobs)

    def _commit(self, jobs: list[_Job[X]]) -> list[tuple[Any, BaseException | None]]:
        if self._database.is_broken:
            self._database.reopen()
            self._reopened()
        transaction = self._begin()
        try:
            outcomes = [_attempt(job, transaction) for job in jobs]
            transaction.commit()
        except BaseException as error:
            self._undo(transaction, error)
            raise
        transaction.publish()
        return outcomes

    def _undo(self, transaction: X, error: BaseException) -> None:
        failure = error
        try:
            transaction.undo()
        except duckdb.Error as rollback_error:
            if is_fatal(rollback_error):
                failure = rollback_error
        if isinstance(failure, duckdb.Error) and is_fatal(failure):
            self._database.mark_broken()
            raise explain(error if isinstance(error, duckdb.Error) else failure, self._database.path) from error


def _attempt(job: _Job[X], transaction: X) -> tuple[Any, BaseException | None]:
    before = transaction.changes
    try:
        return job.work(transaction), None
    except duckdb.Error:
        raise
    except Exception as error:
        if transaction.changes != before:
            raise
        return None, error
