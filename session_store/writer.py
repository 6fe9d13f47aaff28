"""The single writer thread: commits all waiting work as one transaction."""

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
"""Seconds that interrupted queries get to release their memory before each further attempt to write."""


class Transaction(Protocol):
    """Changes that belong together. Readers see none of them before ``publish``."""

    @property
    def changes(self) -> int:
        """Counts every requested change."""

    def commit(self) -> None:
        """Make all changes durable."""

    def publish(self) -> None:
        """Make the committed changes visible in memory."""

    def undo(self) -> None:
        """Roll back and discard the changes."""


X = TypeVar("X", bound=Transaction)


@dataclass(slots=True)
class _Job(Generic[X]):
    work: Callable[[X], Any]
    done: Future[Any]


class Writer(Generic[X]):
    """Runs jobs on its own thread, in order, with several jobs in one transaction.

    A job that fails without having changed anything fails alone. Any other failure rolls back the whole group, and its
    jobs run again one by one, so that only the bad one fails.
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
            begin: creates the transaction that jobs get.
            reopened: called after the file was reopened, to drop what was cached in memory.
            idle: called when no jobs wait; may return work to do now.
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
        """Queue a job. Its future completes once the change is durable or has failed."""
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()
        with self._entry:
            if self._closed:
                raise StoreClosedError(f"The database {self._database.path} is closed.")
            self._jobs.put(_Job(work, done))
        return done

    def close(self) -> None:
        """Finish the waiting jobs and stop the thread."""
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
        except Exception as error:  # noqa: BLE001 - any error goes to the callers that wait for it
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
        """Commit. If memory runs out, interrupt the readers' queries, which can be run again."""
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
