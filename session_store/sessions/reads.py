"""Reads sessions: from memory, or in one snapshot from the database, which fills the memory."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from session_store.engine.database import Database
from session_store.engine.transaction import SELECT_HEAD, SELECT_SESSION, head_of, state_of
from session_store.models import SessionKey
from session_store.sessions.cache import CachedEvent, Head, Memory, State


@dataclass(frozen=True, slots=True)
class Loaded:
    """A session as of one moment."""

    head: Head
    app_state: State
    user_state: State
    events: list[CachedEvent]


def recall(memory: Memory, key: SessionKey) -> Loaded | None:
    """See ``SessionLog.recall``."""
    scope = (key.app_name, key.user_id)
    with memory.lock:
        head = memory.heads.get(key)
        if head is None or head.deleted:
            return None
        events = memory.events.get(head.session_no)
        app_state = memory.app_states.get(key.app_name)
        user_state = memory.user_states.get(scope)
        if events is None or app_state is None or user_state is None:
            return None
        return Loaded(head, app_state, user_state, events.copy())


def load(
    database: Database, memory: Memory, key: SessionKey, *, newest: int | None = None, since: float | None = None
) -> Loaded | None:
    """See ``SessionLog.load``."""
    with memory.lock:
        memory.loading += 1
        generation = memory.generation
    try:
        loaded = _read(database, key, newest, since)
        with memory.lock:
            if loaded is not None and memory.generation == generation:
                _remember(memory, loaded, everything=newest is None and since is None)
    finally:
        with memory.lock:
            memory.loading -= 1
    return None if loaded is None or loaded.head.deleted else loaded


def _read(database: Database, key: SessionKey, newest: int | None, since: float | None) -> Loaded | None:
    names = [key.app_name, key.user_id, key.session_id]
    with database.reading() as cursor:
        cursor.begin()
        found = _read_session(cursor, key, newest, since)
        loaded = None
        if found is not None:
            app_rows = cursor.execute("select state from app_states where app_name = $1", names[:1]).fetchall()
            sql = "select state from user_states where app_name = $1 and user_id = $2"
            loaded = Loaded(found[0], state_of(app_rows), state_of(cursor.execute(sql, names[:2]).fetchall()), found[1])
        cursor.commit()
    return loaded


def _remember(memory: Memory, loaded: Loaded, *, everything: bool) -> None:
    key = loaded.head.key
    scope = (key.app_name, key.user_id)
    if key not in memory.heads:
        memory.heads.put(key, loaded.head)
    if key.app_name not in memory.app_states:
        memory.app_states.put(key.app_name, loaded.app_state)
    if scope not in memory.user_states:
        memory.user_states.put(scope, loaded.user_state)
    if everything and memory.heads.get(key) == loaded.head:
        memory.events.put(loaded.head.session_no, loaded.events.copy())


def _read_session(
    cursor: duckdb.DuckDBPyConnection, key: SessionKey, newest: int | None, since: float | None
) -> tuple[Head, list[CachedEvent]] | None:
    names = [key.app_name, key.user_id, key.session_id]
    whole = newest is None and since is None
    found = cursor.execute(SELECT_SESSION if whole else SELECT_HEAD, names).fetchone()
    if found is None:
        return None
    if newest == 0:
        return head_of(key, found), []
    number, columns = found[0], "seq, data, rewound, case when copied then null else timestamp end, id"
    sql = f"select {columns} from events where session_no = $1 and seq > $1 "
    if whole:
        rows = cursor.execute(sql, [number]).fetchall()
    else:
        sql += "and timestamp >= $2 order by timestamp desc, seq desc limit $3"
        start = float("-inf") if since is None else since
        rows = cursor.execute(sql, [number, start, 2**62 if newest is None else newest]).fetchall()
    rows.sort()
    if whole:
        # The last event has what SELECT_HEAD would have to look for.
        found = (*found, rows[-1][0], *rows[-1][3:]) if rows else (*found, None, None, None)
    return head_of(key, found), [CachedEvent(seq, data, rewound=rewound) for seq, data, rewound, *_ in rows]
