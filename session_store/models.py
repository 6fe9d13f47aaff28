"""The store's records, as plain immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from google.adk.events.event import Event

from session_store.compat.genai_enums import refuse_what_is_no_text

T = TypeVar("T")

refuse_what_is_no_text()  # here and in parts, because whatever reads an event imports one of the two

GENERAL = "general"
"""Id of the workspace that always exists. Whatever has no other workspace belongs to it."""
SAMPLE_SHOP = "sample-shop"
"""Id of the workspace with sample data that a new store starts with. It can be deleted."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Identifies a session the way ADK does: an application, a user and an id within both.

    Colloquy uses the agent's id as ``app_name``.
    """

    app_name: str
    user_id: str
    session_id: str


class SessionStatus(StrEnum):
    """What a session is doing, according to its unfinished turns or, without any, to whether it was terminated."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    TERMINATED = "terminated"


class TitleSource(StrEnum):
    """Who wrote a title. A source never overwrites a title from a source further down this list."""

    NONE = "none"
    WORDS = "words"
    MODEL = "model"
    PERSON = "person"


class TurnStatus(StrEnum):
    """How far a turn has come, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether a turn with this status is finished for good."""
        return self not in (TurnStatus.QUEUED, TurnStatus.RUNNING, TurnStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """The data that a workspace is connected to. ``kind`` is "duckdb", "sqlite", "folder", "postgres" or "sample";
    ``address`` is a path or a URL, never with a password; ``name`` is its display name."""

    kind: str
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """A group of sessions about one subject. ``parent_id`` is None at the top of the tree. Times are Unix seconds."""

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
    """Whether one of its turns ended after the user last looked at the session."""
    workspace_id: str
    terminated_at: float | None = None
    """When it was terminated; None again once a new message continues it."""
    branched_from: str | None = None
    """Id of the session that it branched from, which may be gone."""
    last_turn: TurnStatus | None = None
    """Status of its latest turn; None without turns."""

    @property
    def failed(self) -> bool:
        """Whether its latest turn failed."""
        return self.last_turn is TurnStatus.FAILED


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a list, newest first. ``next`` is the cursor to continue from; None at the end."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An ADK event with its position in the store.

    ``seq`` grows with every append to the store; within a session it gives the append order.
    """

    seq: int
    event: Event


@dataclass(frozen=True, slots=True)
class Turn:
    """A user message and everything that comes of it. ``id`` is the ADK invocation id of its events.

    Times are Unix seconds in UTC, None until reached. ``message`` is the user's message as the JSON of a
    ``google.genai.types.Content``. Token counts are None if the model did not report them. ``model`` is None for an
    agent that brings its own model, and for a query, which needs none.
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
    """A later rewind took it back: it is no longer part of the conversation, but kept for the record."""
    copied: bool = False
    """Copied into a branch from the original session, where it was asked and its tokens were spent."""


class ResultKind(StrEnum):
    """Kinds of results that a turn produces."""

    TABLE = "table"
    CHART = "chart"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Result:
    """Something that a turn produced, without its data.

    ``turn_id`` is the ADK invocation id, ``call_id`` the id of the ADK function call. Tables and charts have ``sql``,
    the number of ``rows`` and the ``seconds`` that the query took; charts also have a ``spec`` (Vega-Lite, without
    data). Files have the name and version of their artifact. ``note`` says what the user should know about the data;
    ``size`` is the size of the data in bytes. Times are Unix seconds.
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
    """A user's rating of an answer: thumbs up (1) or down (-1), and a comment. Times are Unix seconds."""

    event_id: str
    score: Literal[1, -1] | None
    comment: str
    at: float
