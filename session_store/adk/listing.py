"""ADK's list of sessions: all of them, with their state, from memory as far as possible."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from google.adk.sessions.session import Session
from google.adk.sessions.state import State as Scope

from session_store.engine.transaction import state_of
from session_store.sessions.cache import SESSIONS, Memory, State, own_state
from session_store.sessions.log import SessionLog


def listed_sessions(log: SessionLog, app_name: str, user_id: str | None) -> list[Session]:
    """List an application's sessions, least recently updated first, without events; of one user, or of all."""
    log.database.require_open()
    memory = log.memory
    with memory.lock:
        memory.loading += 1
        generation = memory.generation
        places = memory.index.of_application(app_name, user_id)
        states = {place[4]: memory.session_states.get(place[4]) for place in places}
        app_state = memory.app_states.get(app_name)
        users = {place[2]: memory.user_states.get((app_name, place[2])) for place in places}
    try:
        read = _read_states(log, [number for number, state in states.items() if state is None])
        if app_state is None:
            app_state = state_of(log.database.rows("select state from app_states where app_name = $1", [app_name]))
        read_users = _read_user_states(log, app_name, [user for user, state in users.items() if state is None])
        with memory.lock:
            if memory.generation == generation:
                _remember(memory, app_name, app_state, read, read_users)
    finally:
        with memory.lock:
            memory.loading -= 1
    states |= read
    users |= read_users
    return [
        Session(
            id=name,
            app_name=app_name,
            user_id=user,
            state=merged_state(state, app_state, users[user] or {}),
            last_update_time=updated_at,
        )
        for updated_at, _, user, name, number in places
        if (state := states[number]) is not None  # None: removed in the meantime
    ]


def merged_state(session: State, app: State, user: State) -> dict[str, Any]:
    """Merge the state that agents see into a dict that the caller may change: the session's own state, and the wider
    scopes under their prefixes."""
    merged = own_state(session)
    if app:
        merged.update({Scope.APP_PREFIX + name: value for name, value in own_state(app).items()})
    if user:
        merged.update({Scope.USER_PREFIX + name: value for name, value in own_state(user).items()})
    return merged


def _read_states(log: SessionLog, numbers: Sequence[int]) -> dict[int, State]:
    if not numbers:
        return {}
    sql = "select session_no, state from sessions where session_no in (select unnest($1::bigint[]))"
    return {number: json.loads(state) for number, state in log.database.rows(sql, [numbers])}


def _read_user_states(log: SessionLog, app_name: str, users: Sequence[str]) -> dict[str, State]:
    if not users:
        return {}
    sql = "select user_id, state from user_states where app_name = $1 and user_id in (select unnest($2::varchar[]))"
    found = {user: json.loads(state) for user, state in log.database.rows(sql, [app_name, users])}
    return {user: found.get(user, {}) for user in users}


def _remember(
    memory: Memory, app_name: str, app_state: State, states: dict[int, State], users: dict[str, State]
) -> None:
    if app_name not in memory.app_states:
        memory.app_states.put(app_name, app_state)
    for user, state in users.items():
        if (app_name, user) not in memory.user_states:
            memory.user_states.put((app_name, user), state)
    if len(states) <= SESSIONS:  # otherwise all would be evicted before they are requested again
        for number, state in states.items():
            if number not in memory.session_states:
                memory.session_states.put(number, state)
