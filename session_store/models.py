"""What the store keeps, as plain immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from google.adk.events.event import Event

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Names one session the way ADK does: an application, a user and an id within both.

    Colloquy uses the agent's id as ``app_name``.
    """

    app_name: str
    user_id: str
    session_id: str


class SessionStatus(StrEnum):
    """What a session is doing, derived from its turns."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"


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
    ``google.genai.types.Content``. Token counts are None where the model did not report them.
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
