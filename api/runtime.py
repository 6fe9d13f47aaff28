"""Commands for sessions at work: start, send, stop, terminate, list, switch."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AliasChoices, BaseModel, Field

from api.etags import NOT_MODIFIED_RESPONSE, IfNoneMatch, not_modified, tag_of
from api.lookup import session_named, turn_named
from api.new_sessions import new_session
from api.paging import Cursor, Limit, Paged
from api.problems import ConflictError
from api.turns import TurnState, turn_state
from api.values import Body, Id, NewId, Text, Title, moment
from runtime.messages import EmptyMessageError
from runtime.workbench import current
from session_store.models import GENERAL, SessionStatus, SessionSummary, Turn, TurnStatus

router = APIRouter(prefix="/v1", tags=["runtime"])

SessionId = Annotated[str, Path(description="The id of a session.")]
TurnId = Annotated[str, Path(description="The id of a turn.")]


class SessionInfo(BaseModel):
    """A session, and how it stands."""

    session_id: str
    agent_id: str
    persona: str = Field(description="The name of the agent.")
    workspace_id: str
    workspace: str = Field(description="The name of the workspace.")
    model: str | None = Field(description="None where the agent brings its own.")
    title: str
    status: SessionStatus
    last_turn_status: TurnStatus | None = Field(description="None: there is no turn yet.")
    is_active: bool = Field(description="Whether it is the one that commands without a session are for.")
    created_at: datetime
    updated_at: datetime


class ActiveSessions(Paged[SessionInfo]):
    """The sessions at work: begun or given a message since the start of Colloquy, and not terminated. Newest activity
    first."""

    active_session_id: str | None = Field(description="The one that commands without a session are for.")


class StartSession(Body):
    """How a session begins. What is left out is as in a new chat on the page."""

    agent_id: Id | None = Field(
        None,
        validation_alias=AliasChoices("agent_id", "persona"),
        description="The id or the name of an agent. Also taken as `persona`.",
    )
    workspace_id: Id = GENERAL
    model: Id | None = None
    title: Title | None = None
    session_id: NewId | None = Field(None, description="An id to use in place of a new one. It must be unused.")
    message: Text | None = Field(None, description="A first message to send at once.")


class SendMessage(Body):
    """A message to a session."""

    message: Text
    session_id: Id | None = Field(None, description="None: the active one.")


class Taken(BaseModel):
    """A message that was taken: its turn runs, or waits for those before it."""

    session_id: str
    turn_id: str
    status: TurnStatus


class Stopped(BaseModel):
    """What a stop has ended."""

    session_id: str
    turn_id: str | None = Field(description="The turn; null if none was running or waiting.")


class ActiveSession(BaseModel):
    """The session that commands without a session are for."""

    session_id: str | None


class SwitchSession(Body):
    """The session to switch to."""

    session_id: Id


class Answer(Body):
    """What a person says to a tool that asks whether it may run."""

    call_id: Id = Field(description="The id of the tool call that is `waiting`.")
    approved: bool


class Retry(Body):
    """How to run a turn again."""

    message: Text | None = Field(None, description="Another message in place of the one it had.")


@router.post("/runtime/sessions", status_code=HTTPStatus.CREATED)
def start_session(wanted: StartSession, response: Response) -> SessionInfo:
    """Start a session with an agent, in a workspace, on a model. It becomes the active one."""
    workbench = current()
    if wanted.message is not None and not wanted.message.strip():
        raise EmptyMessageError
    session = new_session(
        agent=wanted.agent_id, model=wanted.model, workspace_id=wanted.workspace_id, session_id=wanted.session_id
    )
    session_id = session.key.session_id
    if wanted.title:
        workbench.rename_session(session.key, wanted.title)
    workbench.switch_active(session_id)
    if wanted.message is not None:
        workbench.turns.submit(session.key, wanted.message)
    response.headers["Location"] = f"/api/v1/runtime/sessions/{session_id}"
    return _told(session_named(session_id))


@router.get("/runtime/sessions")
def list_active_sessions(cursor: Cursor = None, limit: Limit = 50) -> ActiveSessions:
    """The sessions at work, with their status, persona, workspace and times."""
    workbench = current()
    page = workbench.active.page(workbench.settings.user, cursor, limit)
    return ActiveSessions(
        items=[_told(session) for session in page.items],
        next=page.next,
        active_session_id=workbench.active_session_id,
    )


@router.get("/runtime/sessions/{session_id}", response_model=SessionInfo, responses=NOT_MODIFIED_RESPONSE)
def get_session(session_id: SessionId, response: Response, if_none_match: IfNoneMatch = None) -> SessionInfo | Response:
    """One session, at work or not."""
    info = _told(session_named(session_id))
    tag = tag_of(info)
    if unchanged := not_modified(tag, if_none_match):
        return unchanged
    response.headers["ETag"] = tag
    return info


@router.post("/runtime/messages", status_code=HTTPStatus.ACCEPTED)
def send_message(wanted: SendMessage) -> Taken:
    """Send a message. What comes of it is told by the live events, and by the turn."""
    workbench = current()
    session_id = wanted.session_id or workbench.active_session_id
    if session_id is None:
        raise ConflictError("No session is active. Start one, switch to one, or name one.")
    return _taken(workbench.turns.submit(session_named(session_id).key, wanted.message))


@router.post("/runtime/sessions/{session_id}/stop")
def stop_turn(session_id: SessionId) -> Stopped:
    """End the turn that runs, or waits for a person; what it said is kept. Turns behind it go on."""
    session = session_named(session_id)
    turns = current().turns
    turn_id = next((view.turn.id for view in turns.live(session.key)), None)
    if turn_id is not None:
        turns.stop(turn_id)
    return Stopped(session_id=session_id, turn_id=turn_id)


@router.post("/runtime/sessions/{session_id}/terminate")
def terminate_session(session_id: SessionId) -> SessionInfo:
    """End all that runs or waits in a session and take it out of the list of those at work. Its messages stay."""
    session = session_named(session_id)
    current().terminate_sessions([session.key])
    return _told(session_named(session_id))


@router.get("/runtime/active")
def get_active_session() -> ActiveSession:
    """The session that commands without a session are for."""
    return ActiveSession(session_id=current().active_session_id)


@router.put("/runtime/active")
def switch_active_session(wanted: SwitchSession) -> SessionInfo:
    """Switch to a session."""
    session = session_named(wanted.session_id)
    current().switch_active(session.key.session_id)
    return _told(session)


@router.post("/turns/{turn_id}/stop")
def stop_one_turn(turn_id: TurnId) -> TurnState:
    """End a turn, or withdraw it if it waits; does nothing if it is over."""
    current().turns.stop(turn_named(turn_id).id)
    return turn_state(turn_id)


@router.post("/turns/{turn_id}/answer")
def answer_question(turn_id: TurnId, answer: Answer) -> TurnState:
    """Say whether a tool may run that asks a person. The turn goes on when all that it asks is answered."""
    current().turns.answer(turn_named(turn_id).id, answer.call_id, answer.approved)
    return turn_state(turn_id)


@router.post("/turns/{turn_id}/retry", status_code=HTTPStatus.ACCEPTED)
def retry_turn(turn_id: TurnId, wanted: Retry | None = None) -> Taken:
    """Take back a turn and all after it, and run it again, with its own message or another one."""
    turn, turns = turn_named(turn_id), current().turns
    message = wanted.message if wanted else None
    return _taken(turns.retry(turn) if message is None else turns.replace(turn, message))


def _taken(turn: Turn) -> Taken:
    return Taken(session_id=turn.key.session_id, turn_id=turn.id, status=turn.status)


def _told(session: SessionSummary) -> SessionInfo:
    workbench = current()
    agent = workbench.agents.find(session.key.app_name)
    workspace = workbench.store.get_workspace(session.workspace_id)
    return SessionInfo(
        session_id=session.key.session_id,
        agent_id=session.key.app_name,
        persona=agent.name if agent else session.key.app_name,
        workspace_id=session.workspace_id,
        workspace=workspace.name if workspace else "",
        model=session.model,
        title=session.title,
        status=session.status,
        last_turn_status=_last_status(session),
        is_active=session.key.session_id == workbench.active_session_id,
        created_at=moment(session.created_at),
        updated_at=moment(session.updated_at),
    )


def _last_status(session: SessionSummary) -> TurnStatus | None:
    workbench = current()
    if live := workbench.turns.live(session.key):
        return live[0].status
    last = workbench.store.list_events(session.key, limit=1)
    turn_id = last[-1].event.invocation_id if last else ""
    turn = workbench.store.get_turns([turn_id]).get(turn_id)
    return turn.status if turn else None
