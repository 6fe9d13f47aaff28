"""Finding, labeling and branching saved conversations."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfMatch, IfNoneMatch, not_modified, require_match, tag_of
from colloquy.api.http.lookup import session_named
from colloquy.api.http.values import TAG_PATTERN, Body, Cursor, Id, Limit, Note, Paged, Text, moment
from colloquy.api.sessions.conversations import ConversationId
from colloquy.api.sessions.info import Conversation
from colloquy.runtime.application import current
from session_store.history.filters import HistoryFilter, only
from session_store.history.models import Hit
from session_store.limits import LONGEST_SEARCH, LONGEST_TAG, MOST_TAGS
from session_store.models import SessionKey

router = APIRouter(prefix="/v1", tags=["history"])

Tag = Annotated[str, StringConstraints(max_length=LONGEST_TAG, pattern=TAG_PATTERN, strip_whitespace=True)]
Words = Annotated[
    Text, Query(min_length=1, max_length=LONGEST_SEARCH, description='Words to find; "quoted words" count as one.')
]


class Labels(BaseModel):
    """The tags and the note of a conversation."""

    tags: list[str]
    note: str


class NewLabels(Body):
    """The labels of a conversation. Omitted fields stay unchanged."""

    tags: list[Tag] | None = Field(None, max_length=MOST_TAGS, description="Tags cannot contain commas.")
    note: Note | None = None


class Branching(Body):
    """Where to begin a branch."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    message_id: Id = Field(description="The last message to include in the branch.")


class SearchHit(BaseModel):
    """A search hit."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    conversation_id: str
    title: str
    message_id: str | None = Field(description="Null if the match is in the title.")
    kind: Literal["title", "message", "tool call", "detail"]
    excerpt: str
    marks: list[tuple[int, int]] = Field(
        description="The matches in the excerpt: start and end (exclusive), in characters."
    )
    at: datetime


@router.get("/search")
def search_conversations(q: Words, cursor: Cursor = None, limit: Limit = 20) -> Paged[SearchHit]:
    """Titles, messages and tool calls that contain all the words, ignoring case, newest first."""
    application = current()
    wanted = HistoryFilter(users=only(application.settings.user))
    page = application.store.history.search(q, wanted, before=cursor, limit=limit)
    return Paged(items=[_found(hit) for hit in page.items], next=page.next)


@router.get("/conversations/{conversation_id}/labels", response_model=Labels, responses=NOT_MODIFIED_RESPONSE)
def get_labels(
    conversation_id: ConversationId, response: Response, if_none_match: IfNoneMatch = None
) -> Labels | Response:
    """The tags and the note of a conversation."""
    labels = _labels(session_named(conversation_id).key)
    tag = tag_of(labels)
    if unchanged := not_modified(tag, if_none_match):
        return unchanged
    response.headers["ETag"] = tag
    return labels


@router.put("/conversations/{conversation_id}/labels")
def set_labels(
    conversation_id: ConversationId, wanted: NewLabels, response: Response, if_match: IfMatch = None
) -> Labels:
    """Set the tags or the note of a conversation, or both."""
    key, application = session_named(conversation_id).key, current()
    before = _labels(key)
    require_match(tag_of(before), if_match)
    if wanted.tags is not None:
        application.replace_tags(key, wanted.tags, before=before.tags)
    if wanted.note is not None:
        application.set_note(key, wanted.note)
    labels = _labels(key)
    response.headers["ETag"] = tag_of(labels)
    return labels


@router.post("/conversations/{conversation_id}/branch", status_code=HTTPStatus.CREATED)
def branch_conversation(conversation_id: ConversationId, wanted: Branching, response: Response) -> Conversation:
    """Create a conversation with everything in another one up to a message."""
    branch = current().branch_session(session_named(conversation_id).key, wanted.message_id)
    response.headers["Location"] = f"/api/v1/conversations/{branch.key.session_id}"
    return Conversation.of(branch)


def _labels(key: SessionKey) -> Labels:
    store = current().store
    return Labels(tags=list(store.labels.tags(key)), note=store.labels.note(key))


def _found(hit: Hit) -> SearchHit:
    return SearchHit(
        conversation_id=hit.key.session_id,
        title=hit.title,
        message_id=hit.event_id,
        kind=hit.kind,
        excerpt=hit.excerpt,
        marks=list(hit.marks),
        at=moment(hit.at),
    )
