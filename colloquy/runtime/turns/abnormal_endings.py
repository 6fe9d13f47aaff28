"""What is stored of answers and turns that do not end normally, and how an error that ends a turn is explained to the
person.
``session_store.transcripts.endings`` has the texts for the reasons that providers give for ending an answer."""

from __future__ import annotations

import time
from collections.abc import Container, Sequence

from google.adk.agents.invocation_context import LlmCallsLimitExceededError
from google.adk.events.event import Event
from google.adk.sessions import BaseSessionService
from google.genai import types

from colloquy.agents.models.failures import Party, explain
from session_store.adk.service import END_OF_TIME
from session_store.errors import ColloquyError
from session_store.json_safe import joined
from session_store.models import Turn, TurnStatus
from session_store.sessions.tool_columns import ENDED, STOPPED
from session_store.transcripts.endings import ending_of
from session_store.transcripts.open_calls import closing_events
from session_store.transcripts.parts import USER, text_of
from session_store.transcripts.transcript import STILL_AT_WORK

EMPTY = "The agent ended without an answer."

_OWN_MODEL = Party("The model of this agent", "its provider", "the key that the agent uses")
_LIBRARIES = frozenset({"pydantic", "pydantic_core", "json", "google", "openai", "litellm", "httpx", "aiohttp"})
"""Packages whose errors describe their own internals."""

PARTIAL = "colloquy_partial"
"""Key in an event's custom metadata: the status of the turn that ended before this answer was complete."""

OPEN_CALL = {
    TurnStatus.COMPLETED: STILL_AT_WORK,
    TurnStatus.STOPPED: STOPPED,
    TurnStatus.FAILED: "This tool call failed, or was cut off by a failure.",
    TurnStatus.INTERRUPTED: ENDED,
}
"""The error that stands in for a tool's missing answer, by how the turn ended."""


def explain_failure(error: BaseException) -> str:
    """Describe any error that ends a turn in a sentence for the person. Details for developers go to the log."""
    if isinstance(error, ColloquyError):
        return joined(str(error))
    if isinstance(error, LlmCallsLimitExceededError):
        return "The agent reached the limit of model calls for one turn, so the turn was ended. Try a smaller request."
    if isinstance(error, Exception) and (explained := explain(error, _OWN_MODEL)):
        return joined(str(explained))
    message = joined(str(error)).strip()
    if isinstance(error, SystemExit | KeyboardInterrupt):
        message = "it tried to end the program."
    elif isinstance(error, KeyError):
        message = f"it looked up {message}, which does not exist."
    elif not message or type(error).__module__.partition(".")[0] in _LIBRARIES:
        return "The agent failed because of data that it could not process. See the log for details."
    return f"The agent failed: {message}"


def says_nothing(event: Event) -> bool:
    """Whether an event has nothing that a person sees: no text, call, code, file or output."""
    parts = (event.content.parts if event.content else None) or ()
    shown = any(map(_is_shown, parts))
    return not (shown or event.output is not None or event.output_transcription or event.actions.artifact_delta)


def _is_shown(part: types.Part) -> bool:
    besides = part.model_dump(exclude_none=True, exclude={"text", "thought", "thought_signature"})
    return not part.thought and bool((part.text or "").strip() or besides)


def storable_event(event: Event, streamed: Sequence[types.Part], in_use: Container[str]) -> Event:
    """Return an event as it is to be stored. If it has no text of its own, it gets what was ``streamed`` of it; if it
    was ended early and has any content, it is marked as interrupted. It gets a new id if its own is in use, and the
    current time if its own is invalid."""
    changes: dict[str, object] = {}
    if ending_of(event) and event.author != USER:
        own = (event.content.parts if event.content else None) or []
        thinks = any(part.thought for part in own)
        lost = [] if text_of(event.content) else [part for part in streamed if not (part.thought and thinks)]
        if lost:
            changes["content"] = types.Content(role="model", parts=[*lost, *own])
        if lost or own:
            changes["interrupted"] = True
    if event.id in in_use:
        changes["id"] = Event.new_id()
    if not 0 <= event.timestamp < END_OF_TIME:
        changes["timestamp"] = time.time()
    return event.model_copy(update=changes) if changes else event


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
    answers = [
        text_of(event.content)
        for event in (session.events if session else ())
        if event.invocation_id == turn.id and event.author != USER and text_of(event.content)
    ]
    return bool(answers) and answers[-1].startswith(text)


async def answer_open_calls(sessions: BaseSessionService, turn: Turn, reason: str) -> None:
    """Answer every call of a finished turn that no tool has answered, with ``reason`` as the error."""
    session = await sessions.get_session(
        app_name=turn.key.app_name, user_id=turn.key.user_id, session_id=turn.key.session_id
    )
    if session is None:
        return
    for event in closing_events([event for event in session.events if event.invocation_id == turn.id], reason):
        await sessions.append_event(session, event)
