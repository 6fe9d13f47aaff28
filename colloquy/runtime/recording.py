"""Adds turns and events to a session without running its agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from google.adk.events.event import Event
from google.adk.sessions import BaseSessionService

from colloquy.runtime.services import Services
from colloquy.runtime.turns.messages import SessionGoneError
from session_store.models import SessionKey, SessionSummary, StoredEvent, TitleSource, Turn
from session_store.phrases import first_words
from session_store.transcripts.call_ids import CallIds
from session_store.transcripts.parts import USER, text_of

Compose = Callable[[Event | None], tuple[Sequence[Turn], Sequence[Event]]]
"""Makes the turns and events to add from the last event that the session has."""


def record(services: Services, session: SessionSummary, compose: Compose) -> list[StoredEvent]:
    """Append turns and events to a session in which no turn runs; returns the events as stored. A session without a
    title is named after the first words of its user.

    Raises:
        SessionGoneError: it was deleted in the meantime.
    """
    store, key = services.store, session.key
    before = store.events.list(key, limit=1)
    turns, events = compose(before[-1].event if before else None)
    for turn in turns:
        store.turns.create(turn)
    asyncio.run(_append(services.sessions, key, events))
    first_message = next((text for event in events if event.author == USER and (text := text_of(event.content))), "")
    if session.title_source is TitleSource.NONE and first_message.strip():
        store.sessions.rename(key, first_words(first_message), TitleSource.WORDS)
    ids = {event.id for event in events}
    stored = store.events.list(key, after=before[-1].seq if before else None, limit=len(events))
    return [one for one in stored if one.event.id in ids]


async def _append(sessions: BaseSessionService, key: SessionKey, events: Sequence[Event]) -> None:
    session = await sessions.get_session(app_name=key.app_name, user_id=key.user_id, session_id=key.session_id)
    if session is None:
        raise SessionGoneError
    ids = CallIds(session.events)
    for event in events:
        ids.settle(event)
        await sessions.append_event(session, event)
