"""Queries about the history: those saved under a name, and those that were run."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Final

from session_store.engine.transaction import Transaction
from session_store.errors import HistoryError
from session_store.limits import LONGEST_NAME, LONGEST_QUERY
from session_store.sessions.log import SessionLog

ASKED: Final = 200
"""Maximum number of remembered queries; the oldest ones are deleted."""


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A saved query. Times are Unix seconds."""

    id: str
    name: str
    sql: str
    created_at: float


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query that was run: when (Unix seconds), for how many seconds, and the number of rows that it found or the
    error that it ended with; neither if it was canceled."""

    id: str
    sql: str
    asked_at: float
    seconds: float
    row_count: int | None
    error: str | None


class StoredQueries:
    """The part of the store that keeps queries."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def named(self) -> list[NamedQuery]:
        """List the saved queries, sorted by name."""
        rows = self._log.database.rows("select id, name, sql, created_at from named_queries order by lower(name)")
        return [NamedQuery(*row) for row in rows]

    def save(self, name: str, sql: str) -> NamedQuery:
        """Save a query under a name.

        Raises:
            HistoryError: the query is empty or too long, or the name is blank, too long or taken; nothing was saved.
        """
        kept = NamedQuery(str(uuid.uuid4()), _clean(name), sql.strip(), time.time())
        if not kept.sql:
            raise HistoryError("There is no query to save. Write one first.")
        if len(kept.sql) > LONGEST_QUERY:
            raise HistoryError(f"The query has {len(kept.sql):,} characters. Shorten it to at most {LONGEST_QUERY:,}.")

        def work(transaction: Transaction) -> None:
            _refuse_taken(transaction, kept.name, kept.id)
            values = [kept.id, kept.name, kept.sql, kept.created_at]
            transaction.execute("insert into named_queries values ($1, $2, $3, $4)", values)

        self._log.writer.submit(work).result()
        return kept

    def rename(self, query_id: str, name: str) -> None:
        """Rename a saved query. Does nothing if it is gone.

        Raises:
            HistoryError: the name is blank, too long or taken; nothing was changed.
        """
        clean = _clean(name)

        def work(transaction: Transaction) -> None:
            _refuse_taken(transaction, clean, query_id)
            transaction.execute("update named_queries set name = $2 where id = $1", [query_id, clean])

        self._log.writer.submit(work).result()

    def delete(self, query_id: str) -> None:
        """Delete a saved query."""
        self._log.writer.submit(
            lambda transaction: transaction.execute("delete from named_queries where id = $1", [query_id])
        ).result()

    def record(self, sql: str, *, seconds: float, row_count: int | None = None, error: str | None = None) -> None:
        """Record that a query was run, and its outcome; skips queries that are too long to run at all."""
        if len(sql) > LONGEST_QUERY:
            return
        values = [str(uuid.uuid4()), sql, time.time(), seconds, row_count, error]

        def work(transaction: Transaction) -> None:
            transaction.execute("insert into asked_queries values ($1, $2, $3, $4, $5, $6)", values, in_figures=False)
            transaction.execute(
                "delete from asked_queries where id not in "
                "(select id from asked_queries order by asked_at desc, id limit $1)",
                [ASKED],
                in_figures=False,
            )

        self._log.writer.submit(work).result()

    def asked(self, limit: int = ASKED) -> list[AskedQuery]:
        """List the latest queries, newest first; a repeated query appears once, at its latest run."""
        rows = self._log.database.rows(
            "select id, sql, asked_at, seconds, row_count, error from asked_queries "
            "qualify row_number() over (partition by sql order by asked_at desc, id) = 1 "
            "order by asked_at desc, id limit $1",
            [limit],
        )
        return [AskedQuery(*row) for row in rows]


def _clean(name: str) -> str:
    words = " ".join(name.split())
    if not words:
        raise HistoryError("Enter a name for the query.")
    if len(words) > LONGEST_NAME:
        raise HistoryError(f"A query name can have at most {LONGEST_NAME} characters. Shorten it.")
    return words


def _refuse_taken(transaction: Transaction, name: str, query_id: str) -> None:
    if transaction.rows("select 1 from named_queries where lower(name) = lower($1) and id != $2", [name, query_id]):
        raise HistoryError(f"A query named “{name}” already exists. Choose another name, or remove that one first.")
