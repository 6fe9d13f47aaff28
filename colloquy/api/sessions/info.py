"""Active sessions as the API shows them, on request and whenever something about them changes."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from colloquy.api.http.values import Paged, moment
from colloquy.runtime.application import current
from session_store.models import SessionStatus, SessionSummary, TurnStatus


class SessionInfo(BaseModel):
    """A session and its status."""

    session_id: str
    agent_id: str
    persona: str = Field(description="The name of the agent.")
    workspace_id: str
    workspace: str = Field(description="The name of the workspace.")
    model: str | None = Field(description="The model of the next turns; null if the agent has its own.")
    title: str
    status: SessionStatus
    last_turn_status: TurnStatus | None = Field(description="Null if it has no turn yet.")
    is_active: bool = Field(description="Whether it is the current session, the default of commands without one.")
    created_at: datetime
    updated_at: datetime


class ActiveSessions(Paged[SessionInfo]):
    """The active sessions: created or sent a message since Colloquy started, and not terminated. Newest activity
    first."""

    active_session_id: str | None = Field(description="The current session: the default of commands without a session.")


def sessions_at_work(cursor: str | None, limit: int) -> ActiveSessions:
    """A page of the active sessions.

    Raises:
        StoreError: the cursor is invalid.
    """
    application = current()
    page = application.active.page(application.settings.user, cursor, limit)
    return ActiveSessions(
        items=[session_info(session) for session in page.items],
        next=page.next,
        active_session_id=application.active_session_id,
    )


def session_info(session: SessionSummary) -> SessionInfo:
    """Return a session as the API describes it."""
    application = current()
    agent = application.agents.find(session.key.app_name)
    workspace = application.store.workspaces.get(session.workspace_id)
    return SessionInfo(
        session_id=session.key.session_id,
        agent_id=session.key.app_name,
        persona=agent.name if agent else session.key.app_name,
        workspace_id=session.workspace_id,
        workspace=workspace.name if workspace else "",
        model=session.model,
        title=session.title,
        status=session.status,
        last_turn_status=session.last_turn,
        is_active=session.key.session_id == application.active_session_id,
        created_at=moment(session.created_at),
        updated_at=moment(session.updated_at),
    )
