"""Recovers the turns that a process left unfinished."""

from __future__ import annotations

import time
from contextlib import suppress

import structlog
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.genai import types

from colloquy.runtime.services import Services
from colloquy.runtime.turns.abnormal_endings import (
    OPEN_CALL,
    answer_open_calls,
    append_lost_message,
    append_partial_answer,
    has_answer,
)
from colloquy.runtime.turns.confirmation import Pause
from colloquy.runtime.turns.live import LiveTurn, unfinished_text
from session_store.errors import NOTHING_IS_KEPT
from session_store.models import SessionKey, Turn, TurnStatus
from session_store.transcripts.open_calls import questions

log = structlog.get_logger()


async def recover(services: Services) -> tuple[list[LiveTurn], list[Turn]]:
    """Close the turns that were running or waiting when the process ended: store what they said, and their messages.

    Returns, in order, the turns that can still end normally: those that wait for a person, and the turns queued behind
    them. Also returns those that could not be closed because nothing can be written at the moment: see ``close``.
    """
    going_on: list[LiveTurn] = []
    open_still: list[Turn] = []
    paused: set[SessionKey] = set()
    for turn in services.store.turns.unfinished():
        if live := await _going_on(services, turn, paused):
            paused.add(turn.key)
            going_on.append(live)
            continue
        try:
            await close(services, turn)
        except NOTHING_IS_KEPT:
            services.store.turns.ended_unkept(turn, TurnStatus.INTERRUPTED, time.time(), None)
            open_still.append(turn)
    return going_on, open_still


async def _going_on(services: Services, turn: Turn, paused: set[SessionKey]) -> LiveTurn | None:
    live = LiveTurn(turn)
    if turn.status is TurnStatus.PAUSED:
        session = await services.sessions.get_session(
            app_name=turn.key.app_name, user_id=turn.key.user_id, session_id=turn.key.session_id
        )
        asked = questions(event for event in session.events if event.invocation_id == turn.id) if session else {}
        live.pause, live.status = Pause(asked), TurnStatus.PAUSED
        live.event_stream.end()
        return live if asked else None
    return live if turn.status is TurnStatus.QUEUED and turn.key in paused else None


async def close(services: Services, turn: Turn) -> None:
    """End a turn that is no longer running as interrupted.

    Raises:
        StoreFullError, StoreNotWritableError: nothing can be written at the moment.
    """
    try:
        await _keep_said(services, turn)
    except NOTHING_IS_KEPT:
        raise
    except Exception:  # the turn is over anyway
        log.warning("the partial answer of a turn could not be stored", turn=turn.id, exc_info=True)
    services.store.turns.update(turn.id, status=TurnStatus.INTERRUPTED, ended_at=time.time())
    services.transcripts.turn_ended(turn.key, turn.id, TurnStatus.INTERRUPTED, None)


async def _keep_said(services: Services, turn: Turn) -> None:
    sessions = services.sessions
    text = unfinished_text(services.store.turns.partial_text(turn.id))
    with suppress(SessionNotFoundError):  # the session has been deleted meanwhile
        await append_lost_message(sessions, turn)
        await answer_open_calls(sessions, turn, OPEN_CALL[TurnStatus.INTERRUPTED])
        if text and not await has_answer(sessions, turn, text):
            await append_partial_answer(sessions, turn, parts=[types.Part(text=text)], status=TurnStatus.INTERRUPTED)
