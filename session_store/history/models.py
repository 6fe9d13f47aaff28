"""What is asked of the history, and what it answers, as plain immutable values. Times are Unix seconds in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from session_store.models import SessionKey, TitleSource


class HistorySort(StrEnum):
    """What the table of conversations goes by. What is not there or not known comes last, whatever the direction."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Which conversations: those that meet every condition which is set. Of several values, one must be met.

    ``text`` is what somebody would type into a search box (see ``search_history``): a title, a message or a tool call
    must have all of it. ``models`` are those chosen, ``statuses`` those of ``HistoryRow``. A conversation was updated
    at ``since`` or later, and before ``until``. ``feedback``: an answer of it got such a thumb.
    """

    user_id: str | None = None
    text: str = ""
    workspace_ids: frozenset[str] | None = None
    agents: frozenset[str] | None = None
    models: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    statuses: frozenset[str] | None = None
    saved: bool | None = None
    since: float | None = None
    until: float | None = None
    feedback: Literal["up", "down"] | None = None
    among: frozenset[int] | None = None
    """Numbers of conversations (see ``HistoryRow``): none but these."""


EVERYTHING = HistoryFilter()


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One conversation in the table.

    ``messages`` and ``turns`` are those that it shows. Tokens and ``cost`` (US dollars, None where the price of a model
    is not known) leave out what a branch has from the conversation that it began in, where they were spent. ``status``
    is that of the session or, where that is idle, "failed", "stopped" or "interrupted" if its last turn ended so.
    ``up`` and ``down`` are the answers with a thumb.
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
    """Id of the session that it is a branch of, which may be gone."""
    error: str
    """What went wrong in its last turn, if that failed; else empty."""
    number: int
    """What the store knows the conversation by."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A conversation beside another one in a list; ``number`` is that of its row."""

    key: SessionKey
    title: str
    number: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where a conversation stands in a list of ``total``, from 1 on, and those before and after it."""

    place: int
    total: int
    before: Neighbour | None
    after: Neighbour | None


@dataclass(frozen=True, slots=True)
class HistoryChoices:
    """What a filter can be set to: the values that conversations have, in order."""

    agents: tuple[str, ...]
    models: tuple[str, ...]
    users: tuple[str, ...]
    workspace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a search found what it looked for. ``seq`` and ``event_id`` are None for titles.

    ``marks`` are the places of what was found in the excerpt, in order: the first character and the one after the last.
    ``at`` is the time of the message, or of the last update for titles.
    """

    key: SessionKey
    title: str
    seq: int | None
    event_id: str | None
    kind: Literal["title", "message", "tool call", "detail"]
    excerpt: str
    marks: tuple[tuple[int, int], ...]
    at: float
