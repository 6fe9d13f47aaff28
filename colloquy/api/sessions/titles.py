"""Titles that a program requests."""

from __future__ import annotations

from fastapi.concurrency import run_in_threadpool

from colloquy.api.http.problems import ConflictError
from colloquy.runtime.application import current
from session_store.models import SessionSummary, TitleSource
from session_store.phrases import first_words
from session_store.transcripts.parts import USER, text_of

LOOKED_AT = 200
"""Events at the beginning of a session that are searched for its first message."""


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
    events = current().store.list_events(session.key, limit=LOOKED_AT, oldest=True)
    said = (text_of(stored.event.content) for stored in events if stored.event.author == USER)
    return next((text for text in said if text.strip()), "")


def _rename(session: SessionSummary, title: str) -> None:
    current().rename_session(session.key, title, TitleSource.MODEL)
