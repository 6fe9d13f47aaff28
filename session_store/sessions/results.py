"""Results of turns, and their data."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable
from typing import Any

from session_store.cursors import decode_cursor, encode_cursor
from session_store.engine.transaction import Transaction
from session_store.json_safe import without_halves
from session_store.models import Page, Result, ResultKind, SessionKey
from session_store.sessions.log import SessionLog

PART_BYTES = 2_000_000
"""Size of the pieces in which data is written. Each is committed on its own, so that no other write waits for all of
it."""

_FROM = "from results r join sessions s using (session_no) where s.deleted_at is null and "
_SELECT = (
    "select r.id, s.app_name, s.user_id, s.id, r.turn_id, r.call_id, r.kind, r.title, r.sql, r.spec, r.row_count, "
    f"r.note, r.seconds, r.file_name, r.file_version, r.mime_type, r.size, r.created_at {_FROM}"
)
_OF_SESSION = "r.session_no = (select session_no from sessions where app_name = $1 and user_id = $2 and id = $3)"
_IN_SESSION = f"{_OF_SESSION} and not exists (select 1 from turns t where t.id = r.turn_id and t.rewound)"


class StoredResults:
    """The part of the store that keeps results. Results of deleted sessions are hidden until their sessions are
    restored."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def add(self, result: Result, data: bytes | None = None) -> bool:
        """Save a result and its data. Durable when it returns.

        Returns whether its session still exists; if not, nothing was saved.
        """
        parts = [] if data is None else [data[at : at + PART_BYTES] for at in range(0, max(len(data), 1), PART_BYTES)]
        try:
            for number, part in enumerate(parts[:-1]):
                self._add_part(result.id, number, part)
            # The result is inserted with the last part, so that readers never see one without all of its data.
            return self._log.writer.submit(lambda transaction: _insert(transaction, result, parts)).result()
        except BaseException:
            # If this fails as well, the next opening of the file removes the data.
            self._log.writer.submit(lambda transaction: _remove_data(transaction, result.id))
            raise

    def list(self, key: SessionKey, *, before: str | None = None, limit: int = 20) -> Page[Result]:
        """List a session's results, newest first, without those of turns that were taken back."""
        values: list[Any] = [key.app_name, key.user_id, key.session_id]
        condition = _IN_SESSION
        if before is not None:
            condition += " and (r.created_at, r.id) < ($4::double, $5)"
            values += decode_cursor(before, "the list of results", float, str)
        found = self._results(f"{condition} order by r.created_at desc, r.id desc limit {int(limit) + 1}", values)
        return Page(
            tuple(found[:limit]),
            encode_cursor(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None,
        )

    def count(self, key: SessionKey) -> int:
        """Count the results that ``list`` returns."""
        names = [key.app_name, key.user_id, key.session_id]
        return int(self._log.database.rows(f"select count(*) {_FROM}{_IN_SESSION}", names)[0][0])

    def of_calls(self, call_ids: Iterable[str]) -> dict[str, builtins.list[Result]]:
        """Return the results of tool calls, by call id, oldest first. Calls without results are left out."""
        wanted = list(call_ids)
        results: dict[str, list[Result]] = {}
        if wanted:
            condition = "r.call_id in (select unnest($1::varchar[])) order by r.created_at, r.id"
            for result in self._results(condition, [wanted]):
                results.setdefault(str(result.call_id), []).append(result)
        return results

    def get(self, result_id: str) -> Result | None:
        """Return the result, or None."""
        return next(iter(self._results("r.id = $1", [result_id])), None)

    def data(self, result_id: str) -> bytes | None:
        """Return the data that was saved with a result; None if there is none."""
        rows = self._log.database.rows(
            f"select data from result_data where result_id = $1 and exists (select 1 {_FROM} r.id = $1) order by part",
            [result_id],
        )
        return b"".join(row[0] for row in rows) if rows else None

    def delete(self, result_id: str) -> None:
        """Remove a result and its data for good. Skips an unknown one."""

        def work(transaction: Transaction) -> None:
            transaction.execute("delete from results where id = $1", [result_id])
            _remove_data(transaction, result_id)

        self._log.writer.submit(work).result()

    def has_file(self, key: SessionKey, file_name: str) -> bool:
        """Whether a session has results that are versions of this file, including those of turns that were taken
        back."""
        values = [key.app_name, key.user_id, key.session_id, file_name]
        return bool(self._log.database.rows(f"select 1 {_FROM}{_OF_SESSION} and r.file_name = $4 limit 1", values))

    def remove_orphans(self) -> None:
        """Remove data whose result was never saved because the process died in between. Call before adding results."""

        def work(transaction: Transaction) -> None:
            sql = "select distinct result_id from result_data where result_id not in (select id from results)"
            for (result_id,) in transaction.rows(sql):
                _remove_data(transaction, result_id)

        self._log.writer.submit(work)

    def _add_part(self, result_id: str, number: int, part: bytes) -> None:
        self._log.writer.submit(lambda transaction: _insert_part(transaction, result_id, number, part)).result()

    def _results(self, condition: str, values: builtins.list[Any]) -> builtins.list[Result]:
        return [_result(row) for row in self._log.database.rows(_SELECT + condition, values)]


def result_row(result: Result, session_no: int) -> tuple[Any, ...]:
    """Return the row of a result, without its data."""
    return (
        result.id,
        session_no,
        result.turn_id,
        result.call_id,
        result.kind.value,
        result.title,
        result.sql,
        None if result.spec is None else json.dumps(without_halves(result.spec)),
        result.rows,
        result.note,
        result.seconds,
        result.file_name,
        result.file_version,
        result.mime_type,
        result.size,
        result.created_at,
    )


def _insert(transaction: Transaction, result: Result, parts: list[bytes]) -> bool:
    """Insert a result and the last part of its data."""
    head = transaction.head(result.key)
    if head is None or head.deleted:
        _remove_data(transaction, result.id)
        return False
    if parts:
        _insert_part(transaction, result.id, len(parts) - 1, parts[-1])
    transaction.execute(
        "insert into results values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        result_row(result, head.session_no),
    )
    return True


def _insert_part(transaction: Transaction, result_id: str, number: int, part: bytes) -> None:
    transaction.execute("insert into result_data values ($1, $2, $3)", [result_id, number, part])


def _remove_data(transaction: Transaction, result_id: str) -> None:
    """Delete the data of a result that was removed or never saved."""
    transaction.execute(
        "delete from result_data where result_id = $1 and not exists (select 1 from results where id = $1)", [result_id]
    )


def _result(row: tuple[Any, ...]) -> Result:
    result_id, app_name, user_id, session_id, turn_id, call_id, kind, title, sql, spec, *rest = row
    return Result(
        result_id,
        SessionKey(app_name, user_id, session_id),
        turn_id,
        call_id,
        ResultKind(kind),
        title,
        sql,
        None if spec is None else json.loads(spec),
        *rest,
    )
