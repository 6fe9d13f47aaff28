"""Queries about the history that people write themselves: run in the background, and kept while a page shows them.

The rows are kept in files: a page that was closed keeps its state for minutes, and many results fill the memory.
"""

from __future__ import annotations

import atexit
import tempfile
import time
import uuid
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from colloquy.agents.data.errors import DataError, QueryStoppedError
from colloquy.agents.data.results import QueryResult
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.runtime.application import Application
from colloquy.runtime.results import as_parquet
from session_store.errors import StoreError

# These threads only wait for the processes that run queries.
_threads: Final = ThreadPoolExecutor(64, "sql-query")


class ResultGoneError(DataError):
    """The rows of a query could not be kept, or no longer exist."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class QueryAnswer:
    """The rows that a query found: a Parquet file, which exists as long as this object. ``note`` says what is missing;
    ``seconds`` is how long finding them took, ``as_of`` the time of the data (Unix seconds)."""

    id: str
    sql: str
    rows: int
    seconds: float
    note: str
    as_of: float
    path: Path = field(repr=False)

    @property
    def data(self) -> bytes:
        """The bytes of the Parquet file.

        Raises:
            ResultGoneError: something else removed the file.
        """
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise ResultGoneError(
                f"The rows are no longer available ({error.strerror}). Run the query again."
            ) from error


class QueryRun:
    """A query being run, until it has its answer or error."""

    def __init__(self, application: Application, sql: str, client_id: str = "") -> None:
        """Start the query; it waits while as many queries run as may run at once. ``client_id`` says who waits for it,
        so that everyone gets a turn."""
        self.sql = sql
        self._began = time.monotonic()
        self._cancellation = Cancellation(client_id)
        self._answer: Future[QueryAnswer] = _threads.submit(_ask, application, sql, self._cancellation)

    @property
    def is_over(self) -> bool:
        """Whether it has its answer or error."""
        return self._answer.done()

    @property
    def waited(self) -> float:
        """Seconds since it was asked."""
        return time.monotonic() - self._began

    def cancel(self) -> None:
        """End the query, and the process that it runs in."""
        self._cancellation.cancel()

    def answer(self) -> QueryAnswer:
        """Return the rows, once the query is over.

        Raises:
            DataError: the query failed; says why.
        """
        return self._answer.result()


_answers: Final[weakref.WeakValueDictionary[str, QueryAnswer]] = weakref.WeakValueDictionary()


def answer_of(answer_id: str) -> QueryAnswer | None:
    """Return the answer with this id, if a page still shows it."""
    return _answers.get(answer_id)


def _ask(application: Application, sql: str, cancellation: Cancellation) -> QueryAnswer:
    began = time.perf_counter()
    try:
        result = _run(application, sql, cancellation)
    except QueryStoppedError:
        _record(application, sql, time.perf_counter() - began)
        raise
    except DataError as error:
        _record(application, sql, time.perf_counter() - began, error=str(error))
        raise
    _record(application, sql, result.seconds, rows=result.rows)
    return _kept(result)


def _run(application: Application, sql: str, cancellation: Cancellation) -> QueryResult:
    if cancellation.is_cancelled:
        raise QueryStoppedError(QueryStoppedError.BEFORE_IT_BEGAN)
    return application.workspaces.history().query(sql, application.services.bounds, cancellation)


def _kept(result: QueryResult) -> QueryAnswer:
    answer_id = str(uuid.uuid4())
    path = _folder() / f"{answer_id}.parquet"
    try:
        path.write_bytes(as_parquet(result.table))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ResultGoneError(f"The rows could not be saved to {path.parent}: {error.strerror}.") from error
    answer = QueryAnswer(
        id=answer_id,
        sql=result.sql,
        rows=result.rows,
        seconds=result.seconds,
        note=result.note,
        as_of=result.as_of or time.time(),
        path=path,
    )
    weakref.finalize(answer, path.unlink, missing_ok=True)
    _answers[answer.id] = answer
    return answer


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="colloquy-queries-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _record(application: Application, sql: str, seconds: float, *, rows: int | None = None, error: str = "") -> None:
    """Record the query. A full disk or a closing store does not cost the user the answer."""
    with suppress(StoreError):
        application.store.queries.record(sql, seconds=seconds, row_count=rows, error=error or None)
