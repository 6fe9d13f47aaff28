"""Turns: one message and everything that it triggers, as a single response or as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import format_sse_event
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.events.event import Event
from pydantic import BaseModel, Field, computed_field
from starlette.responses import StreamingResponse

from colloquy.api.events.stream import with_heartbeats
from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfNoneMatch, not_modified, tag_of
from colloquy.api.http.lookup import turn_named
from colloquy.api.http.problems import ConflictError
from colloquy.api.http.values import Body, Id, Words, moment
from colloquy.api.sessions.messages import SessionMessage
from colloquy.api.sessions.new_sessions import is_unused, new_session, session_to_go_on
from colloquy.api.sessions.sessions import History, take_history
from colloquy.api.sessions.transcripts import messages_of_turn
from colloquy.runtime.application import current
from session_store.models import GENERAL, SessionSummary, Turn, TurnStatus
from session_store.transcripts.parts import spans_of
from session_store.transcripts.transcript import message_text

router = APIRouter(prefix="/v1", tags=["turns"])

EVENT_STREAM: Final = "text/event-stream"
JSON_LINES: Final = "application/x-ndjson"

Accept = Annotated[
    str | None, Header(description=f"`{EVENT_STREAM}` or `{JSON_LINES}` for a stream; otherwise `stream` decides.")
]


class RunTurn(Body):
    """A message to a session, or to a new one."""

    session_id: Id | None = Field(
        None, description="An existing session. Without it, or with an unused UUID (version 4), a new one is created."
    )
    message: Words
    history: History = Field(
        default_factory=list,
        description="Earlier messages. Ignored if the session already has messages.",
    )
    agent_id: Id | None = Field(None, description="For a new session: the id or the name of its agent.")
    workspace_id: Id | None = Field(None, description="For a new session.")
    model: Id | None = Field(None, description="The model of this turn and the following ones.")
    stream: bool = Field(
        False, description="Whether to stream the response, as server-sent events unless Accept says otherwise."
    )


class TurnState(BaseModel):
    """The status of a turn."""

    session_id: str
    turn_id: str
    status: TurnStatus
    text: str = Field(description="The final text of the agent in this turn; empty if there is none.")
    error: str | None = Field(description="Why it failed, or why its answer was cut off; otherwise null.")
    messages: list[SessionMessage] = Field(description="All messages of the turn, with their tool calls.")
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    created_at: datetime
    ended_at: datetime | None


class TurnAnswer(TurnState):
    """How a turn ended, or that it is waiting for a person (`paused`)."""

    history_used: bool = Field(description="Whether `history` was added to the session.")


class Version(BaseModel):
    """A turn that is a version of a message."""

    turn_id: str
    message: str = Field(description="The message in this version.")
    status: TurnStatus
    is_shown: bool = Field(description="Whether it is the current version.")
    created_at: datetime


class Versions(BaseModel):
    """The versions of a message, in chronological order."""

    session_id: str
    versions: list[Version]


class Started(BaseModel):
    """The first piece of a stream."""

    type: Literal["turn"] = "turn"
    session_id: str
    turn_id: str
    status: TurnStatus
    history_used: bool


class Chunk(BaseModel):
    """The next piece of the answer: words or, while the model thinks, a thought. The last chunk, which adds nothing,
    says that the turn is over."""

    type: Literal["agent-chunk"] = "agent-chunk"
    session_id: str
    turn_id: str
    author: str
    text: str = ""
    thought: str = ""
    is_done: bool = False

    @computed_field(description="The same as `text`.")  # type: ignore[prop-decorator]
    @property
    def content(self) -> str:
        """The text under the name that other clients use."""
        return self.text


class Complete(BaseModel):
    """A complete, stored ADK event: a message, a tool call, or its answer."""

    type: Literal["event"] = "event"
    session_id: str
    turn_id: str
    event: dict[str, Any]


class Ended(TurnAnswer):
    """The last piece of a stream."""

    type: Literal["end"] = "end"


Piece = Started | Chunk | Complete | Ended

PIECES: Final = (Started, Chunk, Complete, Ended)

_PIECE: Final = {"oneOf": [{"$ref": f"#/components/schemas/{piece.__name__}"} for piece in PIECES]}
_EVENT: Final = {
    "type": "object",
    "properties": {
        "event": {"enum": [piece.model_fields["type"].default for piece in PIECES]},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": _PIECE},
    },
    "required": ["event", "data"],
}
STREAMS: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {
        "description": "How the turn ended; or, in a stream, objects of the types `turn`, `agent-chunk` (what is said, "
        "piece by piece), `event` (complete ADK events) and `end` (with the fields of the answer that is no stream).",
        "content": {EVENT_STREAM: {"itemSchema": _EVENT}, JSON_LINES: {"itemSchema": _PIECE}},
    }
}


@router.post("/run_turn", response_model=TurnAnswer, responses=STREAMS)
async def run_turn(wanted: RunTurn, accept: Accept = None) -> TurnAnswer | Response:
    """Send a message and get the answer.

    Sessions remember: sending the same session_id again continues the conversation. A message sent while a turn is
    running is queued behind it. A turn continues even if its client disconnects; only `stop` ends it early.
    """
    turn, history_used = await run_in_threadpool(_submit, wanted)
    form = _form(accept, stream=wanted.stream)
    if form is not None:
        packets = (form(piece) async for piece in _pieces(turn, history_used=history_used))
        events = form is _as_event
        return StreamingResponse(
            with_heartbeats(packets) if events else packets,
            media_type=EVENT_STREAM if events else JSON_LINES,
            headers={"Cache-Control": "no-cache"},
        )
    async for _ in current().turns.follow(turn):
        pass
    state = await run_in_threadpool(turn_state, turn.id)
    return TurnAnswer(**state.model_dump(), history_used=history_used)


@router.get("/turns/{turn_id}", response_model=TurnState, responses=NOT_MODIFIED_RESPONSE)
def get_turn(turn_id: str, response: Response, if_none_match: IfNoneMatch = None) -> TurnState | Response:
    """The status of a turn, with its messages so far."""
    state = turn_state(turn_id)
    tag = tag_of(state)
    if unchanged := not_modified(tag, if_none_match):
        return unchanged
    response.headers["ETag"] = tag
    return state


@router.get("/turns/{turn_id}/versions")
def list_versions(turn_id: str) -> Versions:
    """The versions of the message that started a turn. What `retry` replaced is kept, and so is everything after it.

    Only the version that is part of the conversation appears in the session's messages and in figures.
    """
    turn, store = turn_named(turn_id), current().store
    ids = store.turns.versions(turn.key).get(turn_id, (turn_id,))
    found = [version for version in map(store.turns.get, ids) if version]
    return Versions(
        session_id=turn.key.session_id,
        versions=[
            Version(
                turn_id=version.id,
                message=message_text(version),
                status=version.status,
                is_shown=not version.rewound,
                created_at=moment(version.created_at),
            )
            for version in found
        ],
    )


@router.post("/turns/{turn_id}/show")
def show_version(turn_id: str) -> Versions:
    """Make a version of a message current: the conversation returns to its state when this turn was last part of it."""
    current().turns.show(turn_named(turn_id))
    return list_versions(turn_id)


def turn_state(turn_id: str) -> TurnState:
    """Return the status of a turn of this app's user.

    Raises:
        NotFoundError: the turn does not exist.
    """
    turn = turn_named(turn_id)
    messages = messages_of_turn(turn)
    return TurnState(
        session_id=turn.key.session_id,
        turn_id=turn.id,
        status=turn.status,
        text=next((one.content for one in reversed(messages) if one.role == "assistant" and one.content), ""),
        error=turn.error,
        messages=messages,
        model=turn.model,
        input_tokens=turn.input_tokens,
        output_tokens=turn.output_tokens,
        created_at=moment(turn.created_at),
        ended_at=None if turn.ended_at is None else moment(turn.ended_at),
    )


def _submit(wanted: RunTurn) -> tuple[Turn, bool]:
    session = _session(wanted)
    history_used = take_history(session, wanted.history)
    return current().turns.submit(session.key, wanted.message), history_used


def _session(wanted: RunTurn) -> SessionSummary:
    if wanted.session_id is None:
        return _begun(wanted)
    if is_unused(wanted.session_id):
        with suppress(AlreadyExistsError):  # another request has just created it
            return _begun(wanted)
    session = session_to_go_on(wanted.session_id)
    if wanted.agent_id not in (None, session.key.app_name):
        raise ConflictError(
            f"This session belongs to {session.key.app_name!r}. The agent of a session cannot be changed."
        )
    if wanted.workspace_id not in (None, session.workspace_id):
        raise ConflictError("This session is in another workspace. Move it there, or leave workspace_id out.")
    if wanted.model is not None:
        current().set_model(session.key, wanted.model)
    return session


def _begun(wanted: RunTurn) -> SessionSummary:
    return new_session(
        agent=wanted.agent_id,
        model=wanted.model,
        workspace_id=wanted.workspace_id or GENERAL,
        session_id=wanted.session_id,
    )


async def _pieces(turn: Turn, *, history_used: bool) -> AsyncIterator[Piece]:
    names = {"session_id": turn.key.session_id, "turn_id": turn.id}
    yield Started(**names, status=turn.status, history_used=history_used)
    async for event in current().turns.follow(turn):
        if not event.partial:
            yield Complete(**names, event=_as_json(event))
            continue
        for is_thought, text in spans_of(event.content):
            words = {"thought": text} if is_thought else {"text": text}
            yield Chunk(**names, author=event.author, **words)
    state = await run_in_threadpool(turn_state, turn.id)
    if state.status.is_over:
        yield Chunk(**names, author=turn.key.app_name, text="", is_done=True)
    yield Ended(**state.model_dump(), history_used=history_used)


def _as_json(event: Event) -> dict[str, Any]:
    """Return an event with the field names that ADK's own server uses."""
    return event.model_dump(mode="json", by_alias=True, exclude_none=True)


def _form(accept: str | None, *, stream: bool) -> Callable[[Piece], bytes] | None:
    """Return the function that writes the pieces of a stream; None for a single JSON response."""
    accepted = (accept or "").lower()
    if JSON_LINES in accepted or "application/jsonl" in accepted:
        return _as_line
    return _as_event if stream or EVENT_STREAM in accepted else None


def _as_event(piece: Piece) -> bytes:
    return format_sse_event(event=piece.type, data_str=_as_text(piece))


def _as_line(piece: Piece) -> bytes:
    return f"{_as_text(piece)}\n".encode()


def _as_text(piece: Piece) -> str:
    """Return JSON in ASCII: many clients treat characters such as U+2028 as the end of a line."""
    return piece.model_dump_json(ensure_ascii=True)
