"""Reads whole conversations from the store, each as of one moment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from session_store.exchange.conversation import About, Whole
from session_store.exchange.errors import ExportError
from session_store.history.filters import EVERYTHING, HistoryFilter
from session_store.history.selection import sql_of_filter
from session_store.models import (
    Feedback,
    Result,
    ResultKind,
    SessionKey,
    TitleSource,
    Turn,
    TurnStatus,
)
from session_store.store import Store
from session_store.workspaces.tree import read_workspaces

AT_ONCE = 64
"""How many conversations are read together: a query costs a millisecond, however little it finds."""
BYTES_AT_ONCE = 32_000_000
"""Most bytes of events, messages and results that are read together; a larger conversation is read alone. DuckDB
unpacks long texts 2,048 rows at a time, however few of them are wanted, so pictures stored together were unpacked once
per batch."""

_SESSIONS = """
    select app_name, user_id, id, session_no, created_at, updated_at, seen_at, title, title_source, model, saved,
        workspace_id, state, terminated_at, note, branched_from, branched_at
    from sessions
    where deleted_at is null
        and (app_name, user_id, id) in (select (unnest($1::varchar[]), unnest($2::varchar[]), unnest($3::varchar[])))
"""
_SIZES = """
    select session_no, sum(bytes)
    from (
        select session_no, strlen(data) as bytes from events
        union all select session_no, strlen(message) from turns
        union all select r.session_no, octet_length(d.data) from results r join result_data d on d.result_id = r.id
    )
    group by session_no
"""
_OF_SESSIONS = "session_no in (select unnest($1::bigint[]))"
_EVENTS = f"""
    select session_no, seq, data, rewound, timestamp, id, copied from events where {_OF_SESSIONS}
    order by session_no, seq
"""
_TURNS = f"""
    select session_no, id, status, message, model, created_at, started_at, first_token_at, ended_at, input_tokens,
        output_tokens, error, rewound, copied
    from turns where {_OF_SESSIONS} order by session_no, created_at, id
"""
_RESULTS = f"""
    select session_no, id, turn_id, call_id, kind, title, sql, spec, row_count, note, seconds, file_name, file_version,
        mime_type, size, created_at
    from results where {_OF_SESSIONS} order by session_no, created_at, id
"""
_FEEDBACK = f"""
    select session_no, event_id, score, comment, given_at from feedback where {_OF_SESSIONS}
    order by session_no, given_at, event_id
"""
_TAGS = f"select session_no, tag from tags where {_OF_SESSIONS} order by session_no, tag"
_DATA = f"""
    select result_id, data from result_data where result_id in (select id from results where {_OF_SESSIONS})
    order by result_id, part
"""


def chats_by_user(store: Store, wanted: HistoryFilter) -> dict[str, int]:
    """Returns how many sessions ``selected`` would find for each user, most first."""
    return dict(_selected(store, wanted, "user_id, count(*)", "group by user_id order by count(*) desc, user_id"))


def selected(store: Store, wanted: HistoryFilter = EVERYTHING, *, session_ids: Iterable[str] = ()) -> list[SessionKey]:
    """Returns the sessions of a filter, or those of them with these ids, oldest first.

    Raises:
        ExportError: there is no session with one of the ids.
    """
    keys = [SessionKey(*row) for row in _selected(store, wanted, "app_name, user_id, id", "order by session_no")]
    ids = set(session_ids)
    if not ids:
        return keys
    missing = ids - {key.session_id for key in keys}
    if missing:
        raise ExportError(f"There is no conversation with the id {', '.join(sorted(missing))}.")
    return [key for key in keys if key.session_id in ids]


def _selected(store: Store, wanted: HistoryFilter, columns: str, rest: str) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = {}
    source = sql_of_filter(store.log.memory, wanted, values)
    with store.log.database.reading() as cursor:
        return cursor.execute(f"select {columns} from ({source}) {rest}", values).fetchall()


def whole(store: Store, key: SessionKey, *, with_data: bool = False) -> Whole:
    """Returns a session with everything that belongs to it; the data of its results only ``with_data``.

    Raises:
        ExportError: there is no such session.
    """
    for found in _read(store, [key], with_data=with_data):
        return found
    raise ExportError(f"There is no conversation with the id {key.session_id}.")


def wholes(store: Store, keys: Iterable[SessionKey], *, with_data: bool = False) -> Iterator[Whole]:
    """Returns several sessions in the order of ``keys``, with only a few in memory at a time. Sessions deleted
    meanwhile are left out."""
    for some in _portions(store, list(keys)):
        yield from _read(store, some, with_data=with_data)


def _portions(store: Store, keys: list[SessionKey]) -> Iterator[list[SessionKey]]:
    """Returns the keys in batches that can be read together."""
    if len(keys) < 2:
        yield from filter(None, [keys])
        return
    sizes = dict(store.log.database.rows(_SIZES))
    with store.log.memory.lock:
        places = {key: store.log.memory.index.at(key) for key in keys}
    some: list[SessionKey] = []
    total = 0
    for key in keys:
        size = sum(sizes.get(place[4], 0) for place in places[key])
        if some and (len(some) == AT_ONCE or total + size > BYTES_AT_ONCE):
            yield some
            some, total = [], 0
        some.append(key)
        total += size
    yield some


def _read(store: Store, keys: list[SessionKey], *, with_data: bool) -> Iterator[Whole]:
    with store.log.database.reading() as cursor:
        cursor.begin()
        try:
            found = _Found(cursor, keys, with_data=with_data)
        finally:
            cursor.commit()
    # Lazy, so that data already handed out is not kept in memory.
    return (found.whole(key) for key in keys if key in found.sessions)


class _Found:
    """Rows of several sessions as of one moment, by session number."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, keys: list[SessionKey], *, with_data: bool) -> None:
        names = [[key.app_name for key in keys], [key.user_id for key in keys], [key.session_id for key in keys]]
        rows = cursor.execute(_SESSIONS, names).fetchall()
        self.sessions = {SessionKey(*row[:3]): row[3:] for row in rows}
        numbers = [row[3] for row in rows]
        self._events = _by_first(cursor, _EVENTS, numbers)
        self._turns = _by_first(cursor, _TURNS, numbers)
        self._feedback = _by_first(cursor, _FEEDBACK, numbers)
        self._tags = _by_first(cursor, _TAGS, numbers)
        self._results = _by_first(cursor, _RESULTS, numbers)
        self._data = _by_first(cursor, _DATA, numbers) if with_data and self._results else {}
        apps, users = [sorted({*names[0]})], [sorted({*names[1]})]
        sql = "select app_name, state from app_states where app_name in (select unnest($1::varchar[]))"
        self._app_states = dict(cursor.execute(sql, apps).fetchall())
        sql = "select app_name, user_id, state from user_states where user_id in (select unnest($1::varchar[]))"
        self._user_states = {(app, user): state for app, user, state in cursor.execute(sql, users).fetchall()}
        self._workspaces = read_workspaces(cursor)

    def whole(self, key: SessionKey) -> Whole:
        """Returns one of the sessions. Can be called only once per session."""
        number, created_at, updated_at, seen_at, title, source, model, saved, workspace_id, state, *rest = (
            self.sessions[key]
        )
        terminated_at, note, branched_from, branched_at = rest
        events = self._events.pop(number, [])
        about = About(
            key=key,
            created_at=created_at,
            updated_at=events[-1][3] if events and not events[-1][5] else updated_at,
            seen_at=seen_at,
            title=title,
            title_source=TitleSource(source),
            model=model,
            saved=saved,
            workspace_id=workspace_id,
            state=json.loads(state),
            app_state=json.loads(self._app_states.get(key.app_name, "{}")),
            user_state=json.loads(self._user_states.get((key.app_name, key.user_id), "{}")),
            turns=tuple(
                Turn(row[0], key, TurnStatus(row[1]), json.loads(row[2]), *row[3:])
                for row in self._turns.pop(number, [])
            ),
            feedback=tuple(Feedback(*row) for row in self._feedback.get(number, [])),
            results=tuple(self._result(key, row) for row in self._results.get(number, [])),
            rewound=frozenset(event_id for _, _, rewound, _, event_id, _ in events if rewound),
            copied=frozenset(event_id for *_, event_id, copied in events if copied),
            branched_from=branched_from,
            branched_at=branched_at,
            tags=tuple(tag for (tag,) in self._tags.get(number, [])),
            note=note,
            terminated_at=terminated_at,
        )
        return Whole(about, tuple((seq, data, rewound) for seq, data, rewound, *_ in events), self._workspaces)

    def _result(self, key: SessionKey, row: tuple[Any, ...]) -> tuple[Result, bytes | None]:
        spec = row[6] and json.loads(row[6])
        result = Result(row[0], key, row[1], row[2], ResultKind(row[3]), row[4], row[5], spec, *row[7:])
        parts = self._data.pop(row[0], None)
        return result, b"".join(part for (part,) in parts) if parts else None


def _by_first(cursor: duckdb.DuckDBPyConnection, sql: str, numbers: list[int]) -> dict[Any, list[tuple[Any, ...]]]:
    """Groups the rows by their first column, which is removed."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for first, *row in cursor.execute(sql, [numbers]).fetchall():
        found.setdefault(first, []).append(tuple(row))
    return found
