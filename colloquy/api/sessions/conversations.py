"""Conversations as clients of data applications expect them: grouped by the connection that they are about."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfMatch, IfNoneMatch, not_modified, require_match
from colloquy.api.http.lookup import session_named, workspace_named
from colloquy.api.http.problems import ConflictError
from colloquy.api.http.values import Body, Cursor, Id, Limit, NewId, Paged, Text, Title, one_of
from colloquy.api.sessions.info import Conversation
from colloquy.api.sessions.messages import ConversationMessage, NewMessage, as_conversation_message
from colloquy.api.sessions.new_sessions import NewSession, new_session
from colloquy.api.sessions.recording import record
from colloquy.api.sessions.transcripts import page_of_messages, tag_of_session
from colloquy.runtime.application import current
from session_store.limits import LONGEST_SEARCH
from session_store.models import SessionSummary, TitleSource
from session_store.phrases import first_words
from session_store.transcripts.parts import USER, text_of

router = APIRouter(prefix="/v1", tags=["conversations"])


ConversationId = Annotated[str, Path(description="The id of the conversation, which is also the id of its session.")]
ConnectionId = Annotated[str, Path(description="The id of the workspace that has the connection.")]
WorkspaceId = Annotated[str, Path(description="The id of a workspace.")]
Search = Annotated[
    Text | None, Query(max_length=LONGEST_SEARCH, description="Only those with this text in the title or in a message.")
]
Saved = Annotated[bool | None, Query(description="true: only saved ones; false: only unsaved ones.")]


class ConversationWithMessages(Conversation):
    """A conversation with its newest messages, or with those before a cursor."""

    messages: list[ConversationMessage] = Field(description="The messages of this page, oldest first.")
    next: str | None = Field(None, description="`cursor` of the messages before these; null if there are none.")


class NewConversation(NewSession):
    """A conversation to create. Omitted fields have the defaults of a new chat on the page."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: NewId | None = Field(None, description="A UUID (version 4) to use as its id. It must be unused.")


class ConversationChange(Body):
    """The fields to change; at least one."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra=one_of(
            *({name: {"type": "string"}} for name in ("title", "model", "workspaceId")), {"saved": {"type": "boolean"}}
        ),
    )

    title: Title | None = None
    saved: bool | None = None
    model: Id | None = Field(None, description="The model of the next turns.")
    workspace_id: Id | None = Field(None, description="The workspace to move it to.")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if all(value is None for value in (self.title, self.saved, self.model, self.workspace_id)):
            raise ValueError("name at least one field to change: title, saved, model or workspaceId")
        return self


class TitleWish(Body):
    """What the title should be about."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    first_message: Text | None = Field(
        None, description="The text to base the title on if the conversation has no messages."
    )


@router.get("/dbs/{connection_id}/conversations")
def list_of_connection(
    connection_id: ConnectionId, cursor: Cursor = None, limit: Limit = 50, search: Search = None, saved: Saved = None
) -> Paged[Conversation]:
    """The conversations about a connection, most recently updated first."""
    return _page(workspace_named(connection_id).id, cursor, limit, search, saved)


@router.post("/dbs/{connection_id}/conversations", status_code=HTTPStatus.CREATED)
def create_about_connection(
    connection_id: ConnectionId, response: Response, new: NewConversation | None = None
) -> Conversation:
    """Create a conversation about a connection."""
    return _create(workspace_named(connection_id).id, new or NewConversation(), response)


@router.get("/workspaces/{workspace_id}/conversations")
def list_of_workspace(
    workspace_id: WorkspaceId, cursor: Cursor = None, limit: Limit = 50, search: Search = None, saved: Saved = None
) -> Paged[Conversation]:
    """The conversations in a workspace, without those below it, most recently updated first."""
    return _page(workspace_named(workspace_id).id, cursor, limit, search, saved)


@router.post("/workspaces/{workspace_id}/conversations", status_code=HTTPStatus.CREATED)
def create_in_workspace(
    workspace_id: WorkspaceId, response: Response, new: NewConversation | None = None
) -> Conversation:
    """Create a conversation in a workspace."""
    return _create(workspace_named(workspace_id).id, new or NewConversation(), response)


@router.get("/conversations")
def list_all(
    cursor: Cursor = None, limit: Limit = 50, search: Search = None, saved: Saved = None
) -> Paged[Conversation]:
    """All conversations, most recently updated first."""
    return _page(None, cursor, limit, search, saved)


@router.get(
    "/conversations/{conversation_id}", response_model=ConversationWithMessages, responses=NOT_MODIFIED_RESPONSE
)
def get_conversation(
    conversation_id: ConversationId,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 50,
    if_none_match: IfNoneMatch = None,
) -> ConversationWithMessages | Response:
    """A conversation with its newest messages; `next` leads to earlier ones."""
    session = session_named(conversation_id)
    tag = tag_of_session(session)
    if unchanged := not_modified(tag, if_none_match):
        return unchanged
    response.headers["ETag"] = tag
    page = _messages(session, cursor, limit)
    return ConversationWithMessages(**Conversation.of(session).model_dump(), messages=page.items, next=page.next)


@router.patch("/conversations/{conversation_id}")
def change_conversation(
    conversation_id: ConversationId, change: ConversationChange, response: Response, if_match: IfMatch = None
) -> Conversation:
    """Rename a conversation, save or unsave it, move it, or choose the model of its next turns."""
    session = session_named(conversation_id)
    require_match(tag_of_session(session), if_match)
    if change.model is not None:
        current().set_model(session.key, change.model)
    if change.workspace_id is not None:
        current().move_sessions([session.key], change.workspace_id)
    if change.title is not None:
        current().rename_session(session.key, change.title)
    if change.saved is not None:
        current().set_saved([session.key], change.saved)
    return _answer(session_named(conversation_id), response)


@router.delete("/conversations/{conversation_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_conversation(conversation_id: ConversationId, if_match: IfMatch = None) -> None:
    """Delete a conversation with its messages and stop its running turn. The page can undo this for a while."""
    session = session_named(conversation_id)
    require_match(tag_of_session(session), if_match)
    current().delete_sessions([session.key])


@router.get("/conversations/{conversation_id}/messages")
def list_messages(
    conversation_id: ConversationId, cursor: Cursor = None, limit: Limit = 50
) -> Paged[ConversationMessage]:
    """The newest messages, from the oldest to the newest; `next` leads to earlier ones."""
    return _messages(session_named(conversation_id), cursor, limit)


@router.post("/conversations/{conversation_id}/messages", status_code=HTTPStatus.CREATED)
def add_message(conversation_id: ConversationId, message: NewMessage) -> ConversationMessage:
    """Add a message from elsewhere, with its tool calls. The agent does not answer it: to get an answer, run a turn."""
    return as_conversation_message(record(session_named(conversation_id), [message])[0])


@router.post("/conversations/{conversation_id}/generate-title")
async def generate_title(
    conversation_id: ConversationId, response: Response, wish: TitleWish | None = None
) -> Conversation:
    """Have the conversation's model write a title. It replaces the current one, including one that a person chose.

    If the model has no usable suggestion, the title is the first words of the message.
    """
    session = await run_in_threadpool(session_named, conversation_id)
    await retitle(session, (wish.first_message if wish else None) or "")
    return await run_in_threadpool(lambda: _answer(session_named(conversation_id), response))


def _page(
    workspace_id: str | None,
    cursor: str | None,
    limit: int,
    search: str | None,
    saved: bool | None,  # noqa: FBT001 - as the routes have it
) -> Paged[Conversation]:
    application = current()
    page = application.store.sessions.list(
        application.settings.user,
        workspace_id=workspace_id,
        saved=saved,
        search=search or "",
        before=cursor,
        limit=limit,
    )
    return Paged(items=[Conversation.of(session) for session in page.items], next=page.next)


def _create(workspace_id: str, new: NewConversation, response: Response) -> Conversation:
    session = new_session(
        agent=new.agent_id, model=new.model, workspace_id=workspace_id, session_id=new.id, title=new.title
    )
    response.headers["Location"] = f"/api/v1/conversations/{session.key.session_id}"
    return _answer(session, response)


def _messages(session: SessionSummary, cursor: str | None, limit: int) -> Paged[ConversationMessage]:
    found, before = page_of_messages(session.key, cursor, limit)
    return Paged(items=[as_conversation_message(message) for message in found], next=before)


def _answer(session: SessionSummary, response: Response) -> Conversation:
    response.headers["ETag"] = tag_of_session(session)
    return Conversation.of(session)


LOOKED_AT = 200
"""How many events at the beginning of a session are searched for its first message."""


async def retitle(session: SessionSummary, message: str) -> None:
    """Give a session a title based on a message, or on its own first message if ``message`` is blank.

    Raises:
        ConflictError: there is no message at all.
    """
    application = current()
    about = message if message.strip() else await run_in_threadpool(_first_message, session)
    if not about:
        raise ConflictError("There is no message to base a title on. Send one as firstMessage.")
    model = session.model or application.models.default().id
    title = await application.models.title(model, about)
    await run_in_threadpool(_rename, session, title or first_words(about))


def _first_message(session: SessionSummary) -> str:
    events = current().store.events.list(session.key, limit=LOOKED_AT, oldest=True)
    texts = (text_of(stored.event.content) for stored in events if stored.event.author == USER)
    return next((text for text in texts if text.strip()), "")


def _rename(session: SessionSummary, title: str) -> None:
    current().rename_session(session.key, title, TitleSource.MODEL)
