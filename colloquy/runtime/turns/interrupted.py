"""Completes the session of a turn that ended early: its message, its partial answer and its open calls."""

from __future__ import annotations

from collections.abc import Sequence

from google.adk.events.event import Event
from google.adk.sessions import BaseSessionService
from google.genai import types

from session_store.models import Turn, TurnStatus
from session_store.sessions.tool_columns import ENDED, STOPPED
from session_store.transcripts.open_calls import closing_events
from session_store.transcripts.parts import USER, text_of
from session_store.transcripts.transcript import STILL_AT_WORK

PARTIAL = "colloquy_partial"
"""Key in an event's custom metadata: the status of the turn that ended before this answer was complete."""

OPEN_CALL = {
    TurnStatus.COMPLETED: STILL_AT_WORK,
    TurnStatus.STOPPED: STOPPED,
    TurnStatus.FAILED: "This tool call failed, or was cut off by a failure.",
    TurnStatus.INTERRUPTED: ENDED,
}
"""The error that stands in for a tool's missing answer, by how the turn ended."""


async def append_partial_answer(
    sessions: BaseSessionService,
    turn: Turn,
    *,
    parts: Sequence[types.Part],
    status: TurnStatus,
    chunk: Event | None = None,
) -> None:
    """Store the ``parts`` that an unfinished answer had, marked as partial and included in what the model sees next.

    ``chunk`` is the last one of the answer, if it is known. Without it, the agent is the author.
    """
    usage = chunk.usage_metadata if chunk else None
    session = await sessions.get_session(
        app_name=turn.key.app_name, user_id=turn.key.user_id, session_id=turn.key.session_id
    )
    if session is None or not (parts or usage):
        return
    event = Event(
        invocation_id=turn.id,
        author=chunk.author if chunk else turn.key.app_name,
        branch=chunk.branch if chunk else None,
        content=types.Content(role="model", parts=list(parts)) if parts else None,
        usage_metadata=usage,
        model_version=chunk.model_version if chunk else None,
        interrupted=True,
        custom_metadata={PARTIAL: status.value},
    )
    # Reuse the id that the chunks had, unless another event was stored under it.
    if chunk and all(kept.id != chunk.id for kept in session.events):
        event.id = chunk.id
    await sessions.append_event(session, event)


async def append_lost_message(sessions: BaseSessionService, turn: Turn) -> None:
    """Store the user's message of a turn that never ran, unless the session already has it."""
    session = await sessions.get_session(
        app_name=turn.key.app_name, user_id=turn.key.user_id, session_id=turn.key.session_id
    )
    if session and not any(event.invocation_id == turn.id for event in session.events):
        content = types.Content.model_validate(turn.message)
        await sessions.append_event(session, Event(invocation_id=turn.id, author="user", content=content))


async def has_answer(sessions: BaseSessionService, turn: Turn, text: str) -> bool:
    """Whether the session has the answer whose chunks began with ``text``: it was complete when the process died, but
    could no longer be recorded as complete."""
    session = await sessions.get_session(
        app_name=turn.key.app_name, user_id=turn.key.user_id, session_id=turn.key.session_id
    )
    said = [
        text_of(event.content)
        for event in (session.events if session else ())
        if event.invocation_id == turn.id and event.author != USER and text_of(event.content)
    ]
    return bool(said) and said[-1].startswith(text)


async def answer_open_calls(sessions: BaseSessionService, turn: Turn, reason: str) -> None:
    """Answer every call of a finished turn that no tool has answered, with ``reason`` as the error."""
    session = await sessions.get_session(
        app_name=turn.key.app_name, user_id=turn.key.user_id, session_id=turn.key.session_id
    )
    if session is None:
        return
    for event in closing_events([event for event in session.events if event.invocation_id == turn.id], reason):
        await sessions.append_event(session, event)
