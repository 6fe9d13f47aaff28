"""Sessions as the API describes them: as sessions, as conversations, and in the list of active sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from colloquy.api.http.values import Paged, moment
from colloquy.runtime.application import current
from session_store.models import SessionStatus, SessionSummary, TitleSource, TurnStatus


class SessionFields(BaseModel):
    """A session without its ID, which routes return under two names."""

    agent_id: str
    workspace_id: str
    model: str | None = Field(description="The model of the next turns; null if the agent has its own.")
    title: str = Field(description="Empty until it has a message or is named.")
    saved: bool
    status: SessionStatus
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, session: SessionSummary) -> Self:
        """Return a session as the API describes it."""
        return cls(
            agent_id=session.key.app_name,
            workspace_id=session.workspace_id,
            model=session.model,
            title=session.title,
            saved=session.saved,
            status=session.status,
            created_at=moment(session.created_at),
            updated_at=moment(session.updated_at),
            **cls._more(session),
        )

    @classmethod
    def _more(cls, session: SessionSummary) -> dict[str, Any]:  # noqa: ARG003 - subclasses need it
        """Return the fields that a subclass adds."""
        return {}


class Session(SessionFields):
    """A session, without its messages."""

    session_id: str

    @classmethod
    def _more(cls, session: SessionSummary) -> dict[str, Any]:
        return {"session_id": session.key.session_id}


class Conversation(SessionFields):
    """A conversation, without its messages."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: str
    connection_id: str = Field(description="The id of the workspace that has the connection.")
    title_source: TitleSource

    @classmethod
    def _more(cls, session: SessionSummary) -> dict[str, Any]:
        return {
            "id": session.key.session_id,
            "connection_id": session.workspace_id,
            "title_source": session.title_source,
        }


class SessionInfo(Session):
    """A session and its status."""

    persona: str = Field(description="The name of the agent.")
    workspace: str = Field(description="The name of the workspace.")
    last_turn_status: TurnStatus | None = Field(description="Null if it has no turn yet.")
    is_active: bool = Field(description="Whether it is the current session, the default where none is given.")

    @classmethod
    def _more(cls, session: SessionSummary) -> dict[str, Any]:
        application = current()
        agent = application.agents.find(session.key.app_name)
        workspace = application.store.workspaces.get(session.workspace_id)
        return super()._more(session) | {
            "persona": agent.name if agent else session.key.app_name,
            "workspace": workspace.name if workspace else "",
            "last_turn_status": session.last_turn,
            "is_active": session.key.session_id == application.active_session_id,
        }


class ActiveSessions(Paged[SessionInfo]):
    """The active sessions: created or sent a message since Colloquy started, and not terminated. Newest activity
    first."""

    active_session_id: str | None = Field(description="The current session, the default where none is given.")


def sessions_at_work(cursor: str | None, limit: int) -> ActiveSessions:
    """A page of the active sessions.

    Raises:
        StoreError: the cursor is invalid.
    """
    application = current()
    page = application.active.page(application.settings.user, cursor, limit)
    return ActiveSessions(
        items=[SessionInfo.of(session) for session in page.items],
        next=page.next,
        active_session_id=application.active_session_id,
    )
