"""Sessions by agent: saving, listing, loading and deleting them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import AliasChoices, ConfigDict, Field, model_validator

from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfMatch, IfNoneMatch, not_modified, require_match
from colloquy.api.http.lookup import session_named
from colloquy.api.http.problems import NotFoundError
from colloquy.api.http.values import Body, Cursor, Id, Limit, Paged, Title, is_new_id, one_of
from colloquy.api.sessions.info import Session
from colloquy.api.sessions.messages import HISTORY_MESSAGE, NewMessage, NewToolCall, SessionMessage
from colloquy.api.sessions.new_sessions import new_session, session_to_go_on
from colloquy.api.sessions.recording import record
from colloquy.api.sessions.transcripts import page_of_messages, tag_of_session
from colloquy.runtime.application import current
from session_store.models import GENERAL, SessionSummary

router = APIRouter(prefix="/v1", tags=["sessions"])

LONGEST_HISTORY = 2_000

AgentOrSessionId = Annotated[str, Path(description="To list: the id of an agent. To delete: the id of a session.")]
Saved = Annotated[bool | None, Query(description="true: only saved ones; false: only unsaved ones.")]


class HistoryMessage(NewMessage):
    """A message of a conversation from elsewhere."""

    model_config = HISTORY_MESSAGE

    tool_calls: list[NewToolCall] = Field(
        default_factory=list,
        max_length=200,
        validation_alias=AliasChoices("tool_calls", "toolCalls"),
        description="In the order of the calls.",
    )


History = Annotated[list[HistoryMessage], Field(max_length=LONGEST_HISTORY)]


class SessionWithHistory(Session):
    """A session with its newest messages, or with those before a cursor."""

    history: list[SessionMessage] = Field(description="The messages of this page, oldest first.")
    next: str | None = Field(None, description="`cursor` of the messages before these; null if there are none.")


class SaveSession(Body):
    """A session to save: an existing one, by its id, or one from elsewhere, with its agent and history."""

    model_config = ConfigDict(
        json_schema_extra=one_of({"session_id": {"type": "string"}}, {"agent_id": {"type": "string"}})
    )

    session_id: Id | None = Field(
        None, description="An existing session; or, with `agent_id`, an unused UUID (version 4) for a new one."
    )
    agent_id: Id | None = Field(None, description="The agent of a session to add from elsewhere.")
    workspace_id: Id = GENERAL
    title: Title | None = None
    history: History = Field(default_factory=list, description="Ignored if the session already has messages.")
    saved: bool = Field(True, description="Whether the session is to be saved.")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.session_id is None and self.agent_id is None:
            raise ValueError("give the session_id of an existing session, or the agent_id of a new one")
        return self


@router.post(
    "/sessions",
    responses={HTTPStatus.CREATED.value: {"model": Session, "description": "It was not here before, and is now."}},
)
def save_session(wanted: SaveSession, response: Response) -> Session:
    """Mark a session as saved, or store one from elsewhere."""
    application = current()
    begins = wanted.agent_id is not None and wanted.session_id is not None and is_new_id(wanted.session_id)
    if wanted.session_id is not None and not (begins and not application.store.sessions.existing([wanted.session_id])):
        session = session_to_go_on(wanted.session_id)
    else:  # the id of a deleted session cannot be used again
        session = new_session(agent=wanted.agent_id, workspace_id=wanted.workspace_id, session_id=wanted.session_id)
        response.status_code = HTTPStatus.CREATED
    take_history(session, wanted.history)
    if wanted.title:
        application.rename_session(session.key, wanted.title)
    application.set_saved([session.key], wanted.saved)
    session = session_named(session.key.session_id)
    response.headers["ETag"] = tag_of_session(session)
    return Session.of(session)


@router.get("/sessions/{id}")
def list_sessions_of_agent(
    id: AgentOrSessionId,  # noqa: A002 - one name in the path for the agent here and the session below
    cursor: Cursor = None,
    limit: Limit = 50,
    saved: Saved = None,
) -> Paged[Session]:
    """The sessions with an agent, most recently updated first."""
    application = current()
    page = application.store.sessions.list(
        application.settings.user, app_name=id, saved=saved, before=cursor, limit=limit
    )
    if not page.items and application.agents.find(id) is None:
        raise NotFoundError("There is no agent with this id, and no session of such an agent.")
    return Paged(items=[Session.of(session) for session in page.items], next=page.next)


@router.delete("/sessions/{id}", status_code=HTTPStatus.NO_CONTENT)
def delete_session(
    id: AgentOrSessionId,  # noqa: A002
    if_match: IfMatch = None,
) -> None:
    """Delete a session with its messages and stop its running turn. The page can undo this for a while."""
    session = session_named(id)
    require_match(tag_of_session(session), if_match)
    current().delete_sessions([session.key])


@router.get("/sessions/{agent_id}/{session_id}", response_model=SessionWithHistory, responses=NOT_MODIFIED_RESPONSE)
def load_session(
    agent_id: str,
    session_id: str,
    response: Response,
    *,
    cursor: Cursor = None,
    limit: Limit = 200,
    if_none_match: IfNoneMatch = None,
) -> SessionWithHistory | Response:
    """A session with its newest messages; `next` leads to earlier ones."""
    session = session_named(session_id)
    if session.key.app_name != agent_id:
        raise NotFoundError("This session belongs to another agent.")
    tag = tag_of_session(session)
    if unchanged := not_modified(tag, if_none_match):
        return unchanged
    response.headers["ETag"] = tag
    history, before = page_of_messages(session.key, cursor, limit)
    return SessionWithHistory(**Session.of(session).model_dump(), history=history, next=before)


def take_history(session: SessionSummary, history: list[HistoryMessage]) -> bool:
    """Add a history to a session that has no events yet. Returns whether it was added.

    Raises:
        SessionBusyError, SessionGoneError
    """
    if not history or current().store.events.list(session.key, limit=1, include_rewound=True):
        return False
    record(session, history)
    return True
