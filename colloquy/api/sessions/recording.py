"""Adds messages to a session without running its agent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from google.adk.events.event import Event
from google.genai import types

from colloquy.api.sessions.messages import CALLS_OF, RESULT, NewMessage, NewToolCall, SessionMessage, session_messages
from colloquy.runtime.application import current
from colloquy.runtime.turns.messages import user_content
from session_store.models import SessionKey, SessionSummary, Turn, TurnStatus
from session_store.transcripts.parts import USER


def record(session: SessionSummary, new: Sequence[NewMessage]) -> list[SessionMessage]:
    """Append messages to a session, as if they had been said here.

    A user's message becomes a turn of its own; what an assistant says right after it belongs to that turn.

    Raises:
        SessionBusyError: a turn of the session is running or waiting, so the conversation must not change.
        SessionGoneError: the session was deleted in the meantime.
    """
    author = _author(session.key)

    def compose(last: Event | None) -> tuple[list[Turn], list[Event]]:
        open_turn = last.invocation_id if last and last.author == USER else None
        turns: list[Turn] = []
        events: list[Event] = []
        for message in new:
            turn_id = str(uuid.uuid4()) if message.is_user or open_turn is None else open_turn
            events += _events(message, turn_id, author)
            if message.is_user:
                turns.append(_turn(session, message, turn_id))
            open_turn = turn_id if events[-1].author == USER else None
        return turns, events

    return session_messages(session.key, current().record(session, compose))


def _events(message: NewMessage, turn_id: str, author: str) -> list[Event]:
    if not message.is_user:
        return [*_calls(message.tool_calls, turn_id, author), *_answer(message.content, turn_id, author)]
    event = _event(turn_id, USER, user_content(message.content))
    return [event, *_calls(message.tool_calls, turn_id, author, {CALLS_OF: event.id})]


def _answer(content: str, turn_id: str, author: str) -> Iterator[Event]:
    if content.strip():
        yield _event(turn_id, author, types.Content(role="model", parts=[types.Part(text=content)]))


def _calls(
    calls: Sequence[NewToolCall], turn_id: str, author: str, metadata: dict[str, Any] | None = None
) -> Iterator[Event]:
    if not calls:
        return
    ids = [call.id or f"call-{uuid.uuid4()}" for call in calls]
    asked = [
        types.Part(function_call=types.FunctionCall(id=call_id, name=call.name, args=call.args))
        for call_id, call in zip(ids, calls, strict=True)
    ]
    answered = [
        types.Part(function_response=types.FunctionResponse(id=call_id, name=call.name, response=_response(call)))
        for call_id, call in zip(ids, calls, strict=True)
    ]
    yield _event(turn_id, author, types.Content(role="model", parts=asked), metadata)
    yield _event(turn_id, author, types.Content(role="user", parts=answered))


def _response(call: NewToolCall) -> dict[str, Any]:
    """Return the tool's answer as an object. Every call gets an answer: models refuse a history without one."""
    if call.error is not None:
        return {"error": call.error, **({} if call.result is None else {RESULT: call.result})}
    is_plain = isinstance(call.result, dict) and set(call.result) != {RESULT}
    return call.result if is_plain else {RESULT: call.result}


def _event(turn_id: str, author: str, content: types.Content, metadata: dict[str, Any] | None = None) -> Event:
    return Event(id=Event.new_id(), invocation_id=turn_id, author=author, content=content, custom_metadata=metadata)


def _turn(session: SessionSummary, message: NewMessage, turn_id: str) -> Turn:
    now = time.time()
    return Turn(
        id=turn_id,
        key=session.key,
        status=TurnStatus.COMPLETED,
        message=user_content(message.content).model_dump(mode="json", exclude_none=True),
        model=session.model,
        created_at=now,
        started_at=now,
        ended_at=now,
    )


def _author(key: SessionKey) -> str:
    agent = current().agents.find(key.app_name)
    return agent.root_name if agent else key.app_name
