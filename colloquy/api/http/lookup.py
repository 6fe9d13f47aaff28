"""Looks up what a path names in this process's application."""

from __future__ import annotations

from colloquy.api.http.problems import NotFoundError
from colloquy.runtime.application import current
from session_store.models import SessionSummary, Turn, Workspace


def session_named(session_id: str) -> SessionSummary:
    """The session with this ID, if it belongs to the app's user.

    Raises:
        NotFoundError: it does not exist, or no longer.
    """
    application = current()
    session = application.store.sessions.get(session_id)
    if session is None or session.key.user_id != application.settings.user:
        raise NotFoundError("There is no conversation with this id. It was deleted or never existed.")
    return session


def turn_named(turn_id: str) -> Turn:
    """The turn with this ID, including its message, if its session belongs to the app's user.

    Raises:
        NotFoundError: it does not exist.
    """
    turn = current().store.turns.get(turn_id)
    if turn is None:
        raise NotFoundError("There is no turn with this id.")
    session_named(turn.key.session_id)
    return turn


def workspace_named(workspace_id: str) -> Workspace:
    """The workspace with this ID.

    Raises:
        NotFoundError: it does not exist.
    """
    workspace = current().store.workspaces.get(workspace_id)
    if workspace is None:
        raise NotFoundError("There is no workspace with this id, and therefore no data connection.")
    return workspace
