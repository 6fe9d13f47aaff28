"""The history's rows, as plain immutable values. Times are Unix seconds in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from session_store.models import SessionKey, TitleSource


class HistorySort(StrEnum):
    """Sort orders of the history table. Missing and unknown values come last in both directions."""

    UPDATED = "updated"
    CREATED = "created"
    TITLE = "title"
    WORKSPACE = "workspace"
    AGENT = "agent"
    MODEL = "model"
    USER = "user"
    MESSAGES = "messages"
    TOKENS = "tokens"
    COST = "cost"
    STATUS = "status"
    FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One conversation in the table.

    ``messages`` and ``turns`` count those that it shows. Tokens and ``cost`` (US dollars, None if the price of a model
    is unknown) leave out what a branch copied from its original conversation, where they were spent. ``status`` is that
    of the session; for an idle session, it is "failed", "stopped" or "interrupted" if its last turn ended that way.
    ``up`` and ``down`` count the answers with a thumb.
    """

    key: SessionKey
    title: str
    title_source: TitleSource
    workspace_id: str
    workspace: str | None
    agent: str
    model: str | None
    saved: bool
    created_at: float
    updated_at: float
    messages: int
    turns: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    status: str
    up: int
    down: int
    tags: tuple[str, ...]
    note: str
    branched_from: str | None
    """Id of the session that it branched from, which may be gone."""
    error: str
    """The error of its last turn, if that failed; otherwise empty."""
    number: int
    """The store's number of the conversation."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A conversation next to another one in a list; ``number`` is that of its row."""

    key: SessionKey
    title: str
    number: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The position of a conversation in a list of ``total``, starting at 1, and the conversations before and after
    it."""

    place: int
    total: int
    before: Neighbour | None
    after: Neighbour | None


@dataclass(frozen=True, slots=True)
class HistoryChoices:
    """The values that conversations have and that a filter can be set to, sorted."""

    agents: tuple[str, ...]
    models: tuple[str, ...]
    users: tuple[str, ...]
    workspace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One match of a search. ``seq`` and ``event_id`` are None for titles.

    ``marks`` are the positions of the matches in the excerpt, in order: the first character and the one after the last.
    ``at`` is the time of the message or, for titles, of the last update.
    """

    key: SessionKey
    title: str
    seq: int | None
    event_id: str | None
    kind: Literal["title", "message", "tool call", "detail"]
    excerpt: str
    marks: tuple[tuple[int, int], ...]
    at: float
