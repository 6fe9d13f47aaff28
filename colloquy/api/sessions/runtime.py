"""Commands for active sessions: start, send, stop, terminate, list, switch."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AliasChoices, BaseModel, Field

from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfNoneMatch, not_modified, tag_of
from colloquy.api.http.lookup import session_named, turn_named
from colloquy.api.http.problems import ConflictError
from colloquy.api.http.values import Body, Cursor, Id, Limit, NewId, Words
from colloquy.api.sessions.info import ActiveSessions, SessionInfo, sessions_at_work
from colloquy.api.sessions.new_sessions import NewSession, new_session
from colloquy.api.sessions.turns import TurnState, turn_state
from colloquy.runtime.application import current
from session_store.models import GENERAL, Turn, TurnStatus

router = APIRouter(prefix="/v1", tags=["runtime"])

SessionId = Annotated[str, Path(description="The id of a session.")]
TurnId = Annotated[str, Path(description="The id of a turn.")]


class StartSession(NewSession):
    """A session to start. Omitted fields have the defaults of a new chat on the page."""

    agent_id: Id | None = Field(
        None,
        validation_alias=AliasChoices("agent_id", "persona"),
        description="The id or the name of an agent. Also accepted as `persona`.",
    )
    workspace_id: Id = GENERAL
    session_id: NewId | None = Field(None, description="A UUID (version 4) to use as its id. It must be unused.")
    message: Words | None = Field(None, description="A first message to send immediately.")


class SendMessage(Body):
    """A message to a session."""

    message: Words
    session_id: Id | None = Field(None, description="Default: the current session.")


class Taken(BaseModel):
    """An accepted message: its turn is running, or queued behind earlier ones."""

    session_id: str
    turn_id: str
    status: TurnStatus


class Stopped(BaseModel):
    """What was stopped."""

    session_id: str
    turn_id: str | None = Field(description="The turn; null if none was running or waiting.")


class ActiveSession(BaseModel):
    """The current session, the default where none is given."""

    session_id: str | None


class SwitchSession(Body):
    """The session to switch to."""

    session_id: Id


class Decision(Body):
    """A decision about a tool call that needs approval."""

    call_id: Id = Field(description="The id of the tool call that is `waiting`.")
    approved: bool


class Retry(Body):
    """How to run a turn again."""

    message: Words | None = Field(None, description="A new message instead of the previous one.")


@router.post("/runtime/sessions", status_code=HTTPStatus.CREATED)
def start_session(wanted: StartSession, response: Response) -> SessionInfo:
    """Start a session with an agent, in a workspace, with a model. It becomes the current one."""
    application = current()
    session = new_session(
        agent=wanted.agent_id,
        model=wanted.model,
        workspace_id=wanted.workspace_id,
        session_id=wanted.session_id,
        title=wanted.title,
    )
    session_id = session.key.session_id
    application.switch_active(session_id)
    if wanted.message is not None:
        application.turns.submit(session.key, wanted.message)
    response.headers["Location"] = f"/api/v1/runtime/sessions/{session_id}"
    return SessionInfo.of(session_named(session_id))


@router.get("/runtime/sessions")
def list_active_sessions(cursor: Cursor = None, limit: Limit = 50) -> ActiveSessions:
    """The active sessions, with their status, persona, workspace and times."""
    return sessions_at_work(cursor, limit)


@router.get("/runtime/sessions/{session_id}", response_model=SessionInfo, responses=NOT_MODIFIED_RESPONSE)
def get_session(session_id: SessionId, response: Response, if_none_match: IfNoneMatch = None) -> SessionInfo | Response:
    """One session, active or not."""
    info = SessionInfo.of(session_named(session_id))
    tag = tag_of(info)
    if unchanged := not_modified(tag, if_none_match):
        return unchanged
    response.headers["ETag"] = tag
    return info


@router.post("/runtime/messages", status_code=HTTPStatus.ACCEPTED)
def send_message(wanted: SendMessage) -> Taken:
    """Send a message. Follow the answer through the live events or the turn."""
    application = current()
    session_id = wanted.session_id or application.active_session_id
    if session_id is None:
        raise ConflictError("There is no current session. Start one, switch to one, or give a session_id.")
    return _taken(application.turns.submit(session_named(session_id).key, wanted.message))


@router.post("/runtime/sessions/{session_id}/stop")
def stop_turn(session_id: SessionId) -> Stopped:
    """Stop the turn that is running or waiting for a person, and keep its text. Queued turns go ahead."""
    session = session_named(session_id)
    turns = current().turns
    turn_id = next((view.turn.id for view in turns.live(session.key) if not view.status.is_over), None)
    if turn_id is not None:
        turns.stop(turn_id)
    return Stopped(session_id=session_id, turn_id=turn_id)


@router.post("/runtime/sessions/{session_id}/terminate")
def terminate_session(session_id: SessionId) -> SessionInfo:
    """Stop all turns of a session and remove it from the active ones. Its messages are kept."""
    session = session_named(session_id)
    current().terminate_sessions([session.key])
    return SessionInfo.of(session_named(session_id))


@router.get("/runtime/active")
def get_active_session() -> ActiveSession:
    """The current session, the default where none is given."""
    return ActiveSession(session_id=current().active_session_id)


@router.put("/runtime/active")
def switch_active_session(wanted: SwitchSession) -> SessionInfo:
    """Switch to a session."""
    session = session_named(wanted.session_id)
    current().switch_active(session.key.session_id)
    return SessionInfo.of(session)


@router.post("/turns/{turn_id}/stop")
def stop_one_turn(turn_id: TurnId) -> TurnState:
    """Stop a turn, or withdraw it if it is queued. Does nothing if it has ended."""
    current().turns.stop(turn_named(turn_id).id)
    return turn_state(turn_id)


@router.post("/turns/{turn_id}/answer")
def answer_question(turn_id: TurnId, answer: Decision) -> TurnState:
    """Approve or decline a tool call. The turn continues once all its questions are answered."""
    current().turns.answer(turn_named(turn_id).id, answer.call_id, answer.approved)
    return turn_state(turn_id)


@router.post("/turns/{turn_id}/retry", status_code=HTTPStatus.ACCEPTED)
def retry_turn(turn_id: TurnId, wanted: Retry | None = None) -> Taken:
    """Run a turn again, with its own message or another one. It and everything after it is replaced."""
    turn, turns = turn_named(turn_id), current().turns
    message = wanted.message if wanted else None
    return _taken(turns.retry(turn) if message is None else turns.replace(turn, message))


def _taken(turn: Turn) -> Taken:
    return Taken(session_id=turn.key.session_id, turn_id=turn.id, status=turn.status)
