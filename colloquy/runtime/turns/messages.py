"""Messages that start turns: which ones are valid, the turn that each makes, and its session's title."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence

from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.genai import types

from colloquy.agents.data.ask import request_of
from colloquy.agents.data.suggestions import title_of_query
from colloquy.runtime.attachments import Attachment, AttachmentRefusedError, is_file, names_of, parts_of, refusal
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.services import Services
from session_store.errors import ColloquyError
from session_store.json_safe import mend
from session_store.models import SessionKey, SessionSummary, TitleSource, Turn, TurnStatus
from session_store.phrases import first_words
from session_store.transcripts.parts import files_of, text_of
from session_store.transcripts.transcript import message_text


class EmptyMessageError(ColloquyError):
    """A message has no text."""

    def __init__(self) -> None:
        super().__init__("Write a message first.")


class SessionGoneError(ColloquyError):
    """The session was deleted."""

    def __init__(self) -> None:
        super().__init__("This chat was deleted. Undo that, or start a new one.")


class Messages:
    """Makes turns from messages. Thread-safe."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def parts_of(self, key: SessionKey, files: Sequence[Attachment]) -> list[types.Part]:
        """Return files as parts of a message.

        Raises:
            AttachmentRefusedError: a file cannot be part of a message, or the session's model does not read it.
        """
        session = self._services.store.sessions.find(key)
        model = self._model_of(session) if session else None
        if files and model and (reason := refusal(files, self._services.models.info(model))):
            raise AttachmentRefusedError(reason)
        return parts_of(files, most_mb=self._services.settings.attachment_mb)

    def store_turn(self, key: SessionKey, content: types.Content) -> Turn:
        """Store the turn of a message, in one commit, and return it. A session without a title is named after the
        message's first words.

        Raises:
            EmptyMessageError, SessionGoneError
        """
        mend(content)
        text, files = text_of(content), files_of(content)
        answers = any(part.function_response for part in content.parts or [])
        if not text.strip() and not files and not answers:
            raise EmptyMessageError
        store = self._services.store
        session = store.sessions.find(key)
        if session is None:
            raise SessionGoneError
        title = ""
        if session.title_source is TitleSource.NONE and (text.strip() or files):
            names = names_of([part for part in content.parts or [] if is_file(part)])
            title = first_words(text if text.strip() else names)
        turn = Turn(
            id=str(uuid.uuid4()),
            key=key,
            status=TurnStatus.QUEUED,
            message=content.model_dump(mode="json", exclude_none=True),
            model=self._model_of(session) if self._asks_model(session, text) else None,
            created_at=time.time(),
        )
        try:
            store.turns.create(turn, title)
        except SessionNotFoundError as error:
            raise SessionGoneError from error
        return turn

    def _asks_model(self, session: SessionSummary, text: str) -> bool:
        agent = self._services.agents.find(session.key.app_name)
        return agent is None or agent.asks_model(text)

    def _model_of(self, session: SessionSummary) -> str | None:
        agent = self._services.agents.find(session.key.app_name)
        if agent and not agent.chooses_model:
            return None
        return session.model or self._services.models.default().id


def user_content(text: str, files: Sequence[types.Part] = ()) -> types.Content:
    """Return a user's message in ADK's format. A message with only files has no text part before them."""
    words = [types.Part(text=text)] if text.strip() else []
    return types.Content(role="user", parts=[*words, *files])


async def write_title(services: Services, turn: Turn) -> None:
    """Replace the title made of a message's first words with one made from its query or by the turn's model, unless
    someone has already given another."""
    store = services.store
    session = await asyncio.to_thread(store.sessions.find, turn.key)
    if session is None or session.title_source is not TitleSource.WORDS:
        return
    request = request_of(message_text(turn))
    title: str | None = None
    if request.is_sql:
        title = await asyncio.to_thread(title_of_query, request.text)
    elif turn.model:
        title = await services.models.title(turn.model, message_text(turn))
    if not title:
        return
    renamed = await asyncio.to_thread(store.sessions.rename, turn.key, title, TitleSource.MODEL)
    if renamed:
        services.bus.publish(BusEvent(EventKind.SESSION_LIST_CHANGED, turn.key))
