"""Replaces ADK's Runner behind ADK's API server: runs go into the queue of turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from google.adk.agents.run_config import RunConfig, StreamingMode  # type: ignore[attr-defined]
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.genai import types

from colloquy.api.adk.checks import check_message, check_state
from colloquy.api.adk.sessions import told_event
from colloquy.runtime.turns.messages import EmptyMessageError, SessionGoneError
from colloquy.runtime.turns.turns import Turns
from session_store.errors import ColloquyError
from session_store.models import SessionKey, TurnStatus
from session_store.transcripts.parts import USER


class TurnFailedError(ColloquyError):
    """A turn that an ADK client started has failed."""


def _failure(reason: str | None, error: BaseException | None) -> TurnFailedError:
    """Return the error that ends a failed turn, named after the exception that the agent raised. It has the exception's
    text if the user sees that text as well."""
    if error is None:
        return TurnFailedError(reason)
    original = str(error)
    kind: type[TurnFailedError] = type(type(error).__name__, (TurnFailedError,), {})
    return kind(original if original and original in (reason or "") else reason)


class QueuedRunner:
    """Runs an agent like a Runner, but as a turn: after those queued in its session, and stored like any other.

    A turn continues when its client disconnects.
    """

    auto_create_session = False

    def __init__(self, turns: Turns, app_name: str) -> None:
        self._turns = turns
        self._app_name = app_name

    async def run_async(
        self,
        *,
        user_id: str,
        session_id: str,
        new_message: types.Content | None = None,
        state_delta: dict[str, Any] | None = None,
        run_config: RunConfig | None = None,
        **_: object,
    ) -> AsyncGenerator[Event, None]:
        """Yield the events of the turn's answer; partial ones if the configuration asks for them.

        Raises:
            SessionNotFoundError: ADK's; the session does not exist.
            EmptyMessageError, AttachmentRefusedError, NothingToAnswerError, AgentProblemError: see
                ``Turns.submit_content``.
            InputValidationError: the message or the state could not be stored or returned.
            TurnFailedError: the turn failed; says why. If a model only refused to continue (codes such as SAFETY), an
                event has said so, and nothing is raised.
        """
        if new_message is None:
            raise EmptyMessageError
        check_message(new_message)
        check_state(state_delta)
        key = SessionKey(self._app_name, user_id, session_id.strip())
        try:
            turn = await asyncio.to_thread(self._turns.submit_content, key, new_message, state_delta=state_delta)
        except SessionGoneError as error:
            raise SessionNotFoundError(f"Session not found: {session_id}") from error
        with_parts = run_config is not None and run_config.streaming_mode is StreamingMode.SSE
        event_stream = self._turns.event_stream(turn.id)
        error_code: str | None = None
        async for event in self._turns.follow(turn):
            error_code = event.error_code or error_code
            if event.author != USER and (with_parts or not event.partial):
                yield told_event(event)
        ended = await asyncio.to_thread(self._turns.wait, turn.id)
        if ended.status is TurnStatus.FAILED and not (error_code and error_code.isupper()):
            raise _failure(ended.error, event_stream.error if event_stream else None)
