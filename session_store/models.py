"""What the store keeps, as plain immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from google.adk.events.event import Event

from session_store.compat.genai_enums import refuse_what_is_no_text

T = TypeVar("T")

refuse_what_is_no_text()  # here and in parts, because nothing reads an event without one of the two

GENERAL = "general"
"""Id of the workspace that is always there: what has no other belongs to it."""
SAMPLE_SHOP = "sample-shop"
"""Id of the workspace with sample data that a new store begins with. It can be deleted."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Names one session the way ADK does: an application, a user and an id within both.

    Colloquy uses the agent's id as ``app_name``.
    """

    app_name: str
    user_id: str
    session_id: str


class SessionStatus(StrEnum):
    """What a session is doing: what its unfinished turns say, or else whether it was terminated."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    TERMINATED = "terminated"


class TitleSource(StrEnum):
    """Who wrote a title. A later source in this list is never overwritten by an earlier one."""

    NONE = "none"
    WORDS = "words"
    MODEL = "model"
    PERSON = "person"


class TurnStatus(StrEnum):
    """How far a turn is, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether a turn in this status will not go on."""
        return self not in (TurnStatus.QUEUED, TurnStatus.RUNNING, TurnStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """Data that a workspace carries. ``kind`` is "duckdb", "sqlite", "folder", "postgres" or "sample"; ``address`` is
    a path or a URL, never with a password; ``name`` is what people call it."""

    kind: str
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """What sessions are about. ``parent_id`` is None at the top of the tree. Time in Unix seconds."""

    id: str
    name: str
    parent_id: str | None
    connection: StoredConnection | None
    created_at: float


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One row of the session list. Times are Unix seconds in UTC."""

    key: SessionKey
    title: str
    title_source: TitleSource
    model: str | None
    saved: bool
    created_at: float
    updated_at: float
    status: SessionStatus
    unseen: bool
    """A turn of it ended after the session was last looked at."""
    workspace_id: str
    terminated_at: float | None = None
    """When it was ended; None once a new message has made it go on."""
    branched_from: str | None = None
    """Id of the session that it is a branch of, which may be gone."""
    last_turn: TurnStatus | None = None
    """How its latest turn stands; None if it has none."""

    @property
    def failed(self) -> bool:
        """Whether its latest turn ended with an error."""
        return self.last_turn is TurnStatus.FAILED


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a list, newest first. ``next`` continues it; None at the end."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An ADK event with its place in the store.

    ``seq`` grows with every append over the whole store; within a session it is the append order.
    """

    seq: int
    event: Event


@dataclass(frozen=True, slots=True)
class Turn:
    """What one user message sets off. Its ``id`` is the ADK invocation id of its events.

    Times are Unix seconds in UTC, None until reached. ``message`` is the user's message as the JSON of a
    ``google.genai.types.Content``. Token counts are None where the model did not report them. ``model`` is None for an
    agent that brings its own, and for a query, which is answered without one.
    """

    id: str
    key: SessionKey
    status: TurnStatus
    message: dict[str, Any] = field(hash=False)
    model: str | None
    created_at: float
    started_at: float | None = None
    first_token_at: float | None = None
    ended_at: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    rewound: bool = False
    """Taken back by a later rewind: no longer part of the conversation, kept for the record."""
    copied: bool = False
    """A branch has it from the session that it began in. It was asked, and its tokens were spent, there."""


class ResultKind(StrEnum):
    """What a turn produced."""

    TABLE = "table"
    CHART = "chart"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Result:
    """Something that a turn produced, without its data.

    ``turn_id`` is the ADK invocation id, ``call_id`` that of the ADK function call. Tables and charts have ``sql``, the
    number of ``rows`` and the ``seconds`` that the query took; charts a ``spec`` (Vega-Lite, without data) as well.
    Files have the name and version of their artifact. ``note`` says what a person should know about the data, ``size``
    is that of the data in bytes. Time in Unix seconds.
    """

    id: str
    key: SessionKey
    turn_id: str
    call_id: str | None
    kind: ResultKind
    title: str
    sql: str | None
    spec: dict[str, Any] | None = field(hash=False)
    rows: int | None
    note: str
    seconds: float | None
    file_name: str | None
    file_version: int | None
    mime_type: str | None
    size: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thinks of an answer: thumbs up (1) or down (-1), and a comment. Time in Unix seconds."""

    event_id: str
    score: Literal[1, -1] | None
    comment: str
    at: float
