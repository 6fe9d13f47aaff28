"""Turns, and the text chunks of those that run."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from google.adk.errors.session_not_found_error import SessionNotFoundError

from session_store.engine.database import Database
from session_store.engine.transaction import Transaction
from session_store.json_safe import without_halves
from session_store.models import SessionKey, SessionSummary, TitleSource, Turn, TurnStatus
from session_store.sessions.log import SessionLog
from session_store.sessions.unkept import UnkeptEnds
from session_store.transcripts import rewinds


def _select(message: str) -> str:
    return (
        f"select t.id, s.app_name, s.user_id, s.id, t.status, {message}, t.model, t.created_at, t.started_at, "
        "t.first_token_at, t.ended_at, t.input_tokens, t.output_tokens, t.error, t.rewound, t.copied "
        "from turns t join sessions s using (session_no) where "
    )


_WHOLE = _select("t.message")
_WITHOUT_MESSAGE = _select("'{}'")
_SAID = """
    select data from events
    where session_no = (select session_no from turns where id = $1) and invocation_id = $1 and author = 'user'
    order by seq
"""


class StoredTurns:
    """The part of the store that keeps turns, and the text chunks of those that run."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log
        self._unkept = UnkeptEnds()
        self._chunk_numbers = itertools.count(time.time_ns())
        # Pages ask at every chunk of an answer, but the result changes only with the events.
        self._versions = lru_cache(maxsize=200)(lambda key, _revision: rewinds.versions(log.database, key))

    def create(self, turn: Turn, title: str = "") -> None:
        """Save a turn. Durable when it returns. A session without a title gets ``title``, made of first words, in the
        same transaction."""
        self._log.writer.submit(lambda transaction: _insert(transaction, turn, title)).result()

    def update(
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
        self._log.writer.submit(lambda transaction: _change(transaction, turn_id, fields)).result()
        if status is not None and status.is_over:
            self._unkept.remove(turn_id)

    def ended_unkept(self, turn: Turn, status: TurnStatus, ended_at: float, error: str | None) -> None:
        """Report a turn as ended to all readers although the file cannot be written now, until ``update`` writes
        it."""
        self._unkept.add(turn, status, ended_at, error)

    def get(self, turn_id: str) -> Turn | None:
        """Return the turn, or None."""
        ends = self._unkept.known()
        found = _turn_of(self._log.database, turn_id)
        return found and ends.turn(found)

    def by_id(self, turn_ids: Iterable[str]) -> dict[str, Turn]:
        """Return those of the given turns that exist, by id. Their ``message`` is empty: pages ask for the status
        often, and messages may contain files."""
        ends = self._unkept.known()
        found = _turns_by_id(self._log.database, turn_ids)
        return {turn_id: ends.turn(turn) for turn_id, turn in found.items()}

    def unfinished(self, key: SessionKey | None = None) -> list[Turn]:
        """List turns that are queued, running or paused, in order of creation; of one session, or of all."""
        ends = self._unkept.known()
        found = map(ends.turn, _unfinished(self._log.database, key))
        return [turn for turn in found if not turn.status.is_over]

    def append_chunks(self, chunks: Mapping[str, str]) -> None:
        """Append what running turns said since the last call, by turn id, in one transaction.

        Chunks serve to recover the partial text of a turn whose process died. They are deleted when the turn ends.
        """
        if not chunks:
            return
        kept, number = dict(chunks), next(self._chunk_numbers)
        self._log.writer.submit(lambda transaction: _insert_chunks(transaction, kept, number)).result()

    def partial_text(self, turn_id: str) -> str:
        """Return the text of a turn that ``append_chunks`` kept, joined."""
        return _text_of(self._log.database, turn_id)

    def versions(self, key: SessionKey) -> Mapping[str, tuple[str, ...]]:
        """Map the id of each turn that is one of several versions of a message to the ids of all versions. Messages
        with a single version are left out. ``session_store.transcripts.rewinds`` defines what counts as a version."""
        known = self._log.recall(key)
        if known is None:
            return rewinds.versions(self._log.database, key)
        if not any(event.rewound for event in known.events):
            return {}
        return self._versions(key, known.head.revision)

    def rewind_to_show(self, key: SessionKey, turn_id: str) -> str | None:
        """Return the invocation to rewind to the start of, so that this turn is part of the conversation again, as it
        was when it last was; None if it already is or never was."""
        return rewinds.rewind_to_show(self._log.database, key, turn_id)

    def as_it_stands(self, session: SessionSummary) -> SessionSummary:
        """Return a session with the ends of its turns that the file does not have yet."""
        return self._unkept.session(session, self.unfinished)


def without_files(turn: Turn, content: Mapping[str, Any] | None) -> Turn:
    """Return the turn without the bytes of its message's files, if ``content``, the content of the event with the same
    message, also has them. ``StoredTurns.get`` finds them there."""
    if not _files_of(turn.message) or content != turn.message:
        return turn
    parts = [
        {**part, "inline_data": {name: value for name, value in part["inline_data"].items() if name != "data"}}
        if "inline_data" in part
        else part
        for part in turn.message["parts"]
    ]
    return replace(turn, message={**turn.message, "parts": parts})


def has_files(turn: Turn) -> bool:
    """Whether the turn's message contains the bytes of files."""
    return any("data" in file for file in _files_of(turn.message))


def _files_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = message.get("parts")
    files = [part.get("inline_data") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return [file for file in files if isinstance(file, dict)]


def turn_row(turn: Turn, session_no: int) -> tuple[Any, ...]:
    """Return the row of a turn."""
    return (
        turn.id,
        session_no,
        turn.status.value,
        json.dumps(without_halves(turn.message)),
        turn.model,
        turn.created_at,
        turn.started_at,
        turn.first_token_at,
        turn.ended_at,
        turn.input_tokens,
        turn.output_tokens,
        turn.error,
        turn.rewound,
        turn.copied,
    )


def _insert(transaction: Transaction, turn: Turn, title: str) -> None:
    """Save a turn. Reopens the session if it was terminated, and names it if it has no title.

    Raises:
        SessionNotFoundError: the session does not exist.
    """
    head = transaction.head(turn.key)
    if head is None or head.deleted:
        raise SessionNotFoundError(f"Session {turn.key.session_id} not found.")
    transaction.execute(
        "insert into turns values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        turn_row(turn, head.session_no),
    )
    if head.terminated:
        transaction.execute("update sessions set terminated_at = null where session_no = $1", [head.session_no])
        transaction.set_head(replace(head, terminated=False))
    if title:
        transaction.execute(
            "update sessions set title = $2, title_source = $3 where session_no = $1 and title_source = $4",
            [head.session_no, title, TitleSource.WORDS.value, TitleSource.NONE.value],
        )
    transaction.summary_changed(head.session_no)


def _change(transaction: Transaction, turn_id: str, fields: Mapping[str, Any]) -> None:
    """Set the fields that are not None. Deletes the turn's chunks once the turn is over."""
    changes = {name: value for name, value in fields.items() if value is not None}
    if not changes:
        return
    status = changes.get("status")
    names = ", ".join(f"{name} = ${number}" for number, name in enumerate(changes, start=2))
    sql = f"update turns set {names} where id = $1 returning session_no"
    for (session_no,) in transaction.change(sql, [turn_id, *map(_plain, changes.values())]):
        transaction.summary_changed(session_no)
    if isinstance(status, TurnStatus) and status.is_over:
        transaction.execute("delete from turn_chunks where turn_id = $1", [turn_id])


def _insert_chunks(transaction: Transaction, chunks: Mapping[str, str], number: int) -> None:
    """Save chunks of several turns; ``number`` grows from call to call."""
    transaction.execute(
        "insert into turn_chunks select unnest($1::varchar[]), $2, unnest($3::varchar[])",
        [list(chunks), number, list(chunks.values())],
        in_figures=False,
    )


def _text_of(database: Database, turn_id: str) -> str:
    """Return the chunks of a turn, joined."""
    rows = database.rows("select text from turn_chunks where turn_id = $1 order by number", [turn_id])
    return "".join(row[0] for row in rows)


def _turn_of(database: Database, turn_id: str) -> Turn | None:
    """Return the turn with this id, or None."""
    turn = next(map(_turn, database.rows(_WHOLE + "t.id = $1", [turn_id])), None)
    if turn is None or all("data" in file for file in _files_of(turn.message)):
        return turn
    for (data,) in database.rows(_SAID, [turn_id]):
        content = json.loads(data).get("content") or {}
        if without_files(replace(turn, message=content), content).message == turn.message:
            return replace(turn, message=content)
    return turn


def _turns_by_id(database: Database, turn_ids: Iterable[str]) -> dict[str, Turn]:
    """Return those of the given turns that exist, without their messages."""
    wanted = list(turn_ids)
    if not wanted:
        return {}
    rows = database.rows(_WITHOUT_MESSAGE + "t.id in (select unnest($1::varchar[]))", [wanted])
    return {turn.id: turn for turn in map(_turn, rows)}


def _unfinished(database: Database, key: SessionKey | None) -> list[Turn]:
    """List turns that are not over, of sessions that are not deleted, in order of creation."""
    condition = "t.status in ('queued', 'running', 'paused') and s.deleted_at is null"
    names: list[str] = []
    if key is not None:
        condition += " and s.app_name = $1 and s.user_id = $2 and s.id = $3"
        names = [key.app_name, key.user_id, key.session_id]
    return [_turn(row) for row in database.rows(f"{_WHOLE}{condition} order by t.created_at, t.id", names)]


def _plain(value: object) -> object:
    return value.value if isinstance(value, TurnStatus) else value


def _turn(row: tuple[Any, ...]) -> Turn:
    turn_id, app_name, user_id, session_id, status, message, *rest = row
    return Turn(turn_id, SessionKey(app_name, user_id, session_id), TurnStatus(status), json.loads(message), *rest)
