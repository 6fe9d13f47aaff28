"""Gives a session its automatic title."""

from __future__ import annotations

import asyncio

from colloquy.agents.data.ask import request_of
from colloquy.agents.data.suggestions import title_of_query
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.services import Services
from session_store.models import TitleSource, Turn
from session_store.transcripts.transcript import message_text


async def write_title(services: Services, turn: Turn) -> None:
    """Replace the title made of a message's first words with one made from its query or by the turn's model, unless
    someone has already given another."""
    store = services.store
    session = await asyncio.to_thread(store.find_session, turn.key)
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
    renamed = await asyncio.to_thread(store.rename_session, turn.key, title, TitleSource.MODEL)
    if renamed:
        services.bus.publish(BusEvent(EventKind.SESSION_LIST_CHANGED, turn.key))
