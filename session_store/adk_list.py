"""ADK's list of sessions: all of them, with their state."""

from __future__ import annotations

import json
from typing import Any

from google.adk.sessions.session import Session
from google.adk.sessions.state import State as Scope

from session_store.memory import State
from session_store.session_log import SessionLog
from session_store.transaction import state_of


def listed_sessions(log: SessionLog, app_name: str, user_id: str | None) -> list[Session]:
    """Sessions of an application, oldest update first, without events; of one user, or of all."""
    times = log.unsaved_times()
    condition, parameters = "app_name = $1", [app_name]
    if user_id is not None:
        condition, parameters = "app_name = $1 and user_id = $2", [app_name, user_id]
    with log.database.reading() as cursor:
        cursor.begin()
        rows = cursor.execute(
            f"select user_id, id, updated_at, state, session_no from sessions where deleted_at is null and {condition}",
            parameters,
        ).fetchall()
        app_state = state_of(cursor.execute("select state from app_states where app_name = $1", [app_name]).fetchall())
        user_states = dict(
            cursor.execute(f"select user_id, state from user_states where {condition}", parameters).fetchall()
        )
        cursor.commit()
    found = [(times.get(number, updated_at), user, name, state) for user, name, updated_at, state, number in rows]
    found.sort()
    return [
        Session(
            id=name,
            app_name=app_name,
            user_id=user,
            state=_merged(state, app_state, user_states.get(user)),
            last_update_time=updated_at,
        )
        for updated_at, user, name, state in found
    ]


def _merged(session_state: str, app_state: State, user_state: str | None) -> dict[str, Any]:
    merged: dict[str, Any] = json.loads(session_state)
    # Decoded anew for each session, so that no two share a value that a caller could change.
    if app_state:
        merged.update({Scope.APP_PREFIX + name: value for name, value in json.loads(json.dumps(app_state)).items()})
    if user_state is not None:
        merged.update({Scope.USER_PREFIX + name: value for name, value in json.loads(user_state).items()})
    return merged
