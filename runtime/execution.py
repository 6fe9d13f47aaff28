"""Runs one turn to its end with ADK's Runner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypedDict

import structlog
from google.adk.agents.run_config import RunConfig, StreamingMode, ToolThreadPoolConfig  # type: ignore[attr-defined]
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.genai import types
from tenacity import AsyncRetrying, RetryCallState, wait_exponential
from typing_extensions import Unpack

from runtime.bus import BusEvent, Happening
from runtime.confirmation import Pause, unanswerable
from runtime.history import OPEN_CALL, answer_open_calls, append_lost_message, append_partial_answer
from runtime.live import LiveTurn
from runtime.results import Origin, add_files
from runtime.runner import runner_for
from runtime.services import Services
from session_store.errors import ColloquyError, StoreFullError
from session_store.event_rows import tokens_of
from session_store.models import TurnStatus
from session_store.open_calls import Question, questions
from session_store.parts import text_of

ABORTED = "INVOCATION_ABORTED"
"""The error code of the event with which ADK seals an invocation that was stopped."""

TOOL_THREADS = 16
"""Tools that may block at once without holding up other sessions, which share the event loop."""

LONGEST_WAIT_FOR_ROOM = 30
"""Seconds between two attempts to keep the end of a turn on a full disk."""

ATTEMPTS = 3
PAUSE_BETWEEN_ATTEMPTS = 0.2
"""How often the end of a turn is tried to be kept where something else goes wrong, with pauses in seconds."""

log = structlog.get_logger()


class _Counted(TypedDict, total=False):
    first_token_at: float | None
    input_tokens: int | None
    output_tokens: int | None


class _TurnFields(_Counted, total=False):
    status: TurnStatus
    started_at: float
    ended_at: float
    error: str | None


@dataclass(slots=True)
class _Tally:
    """What is measured of a turn. Times are Unix seconds."""

    first_token_at: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def count(self, usage: types.GenerateContentResponseUsageMetadata | None) -> None:
        """Add what one model call used."""
        used = tokens_of(usage)
        if used.input is not None:
            self.input_tokens = (self.input_tokens or 0) + used.input
        if used.output is not None:
            self.output_tokens = (self.output_tokens or 0) + used.output


class Execution:
    """One turn on its way from queued, or paused, to its end or its next pause. Lives on the runtime's event loop."""

    def __init__(self, services: Services, live: LiveTurn) -> None:
        self._services = services
        self._live = live
        self._resumed = live.pause
        self._tally = _Tally()
        self._message_stored = live.pause is not None
        self._calls_tools = live.pause is not None
        self._problem: str | None = None
        self._abort = asyncio.Event()
        self.over = asyncio.Event()
        self._ended_early_as = TurnStatus.STOPPED

    def stop(self, status: TurnStatus = TurnStatus.STOPPED) -> None:
        """End the turn as soon as the model lets go; what was said is kept."""
        self._ended_early_as = status
        self._abort.set()

    async def run(self) -> None:
        """Run the turn until it ends or pauses. Every failure of the agent ends the turn as failed, with a message for
        the person. Raises what keeps the end from being kept."""
        try:
            await self._run()
        finally:
            self.over.set()

    async def _run(self) -> None:
        self._live.status = TurnStatus.RUNNING
        try:
            await self._begin()
            await self._converse()
        except ColloquyError as error:
            self._problem = str(error)
        # An agent may raise anything, sys.exit included, and only its own turn may fail.
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            log.warning("turn failed", turn=self._live.turn.id, exc_info=True)
            self._problem = f"The agent failed with {type(error).__name__}: {error}"
        await self._conclude()

    async def _conclude(self) -> None:
        if self._abort.is_set():  # and whatever broke then broke because of that
            await self._end(self._ended_early_as)
        elif self._problem:
            await self._end(TurnStatus.FAILED, self._problem)
        elif asked := await self._questions():
            await self._pause(asked)
        else:
            await self._end(TurnStatus.COMPLETED)

    async def _begin(self) -> None:
        if not self._resumed:
            await self._update(status=TurnStatus.RUNNING, started_at=time.time())
            return
        await self._update(status=TurnStatus.RUNNING)
        before = await asyncio.to_thread(self._services.store.get_turn, self._live.turn.id)
        if before:
            self._tally = _Tally(before.first_token_at, before.input_tokens, before.output_tokens)

    async def _converse(self) -> None:
        turn = self._live.turn
        runner = await asyncio.to_thread(runner_for, turn, self._services)
        for message in self._messages():
            async for event in runner.run_async(
                user_id=turn.key.user_id,
                session_id=turn.key.session_id,
                invocation_id=turn.id,
                new_message=message,
                state_delta=None if self._resumed else self._live.state_delta,
                run_config=RunConfig(
                    streaming_mode=StreamingMode.SSE,
                    tool_thread_pool_config=ToolThreadPoolConfig(max_workers=TOOL_THREADS),
                ),
                yield_user_message=True,
                abort_signal=self._abort,
            ):
                self._live.stretch.add(event)
                await self._take(event)
            if self._abort.is_set():
                break

    def _messages(self) -> list[types.Content]:
        """What the runner is given: the person's message, or what was answered since."""
        return self._resumed.messages() if self._resumed else [types.Content.model_validate(self._live.turn.message)]

    async def _take(self, event: Event) -> None:
        text = text_of(event.content)
        if text and event.author != "user" and self._tally.first_token_at is None:
            self._tally.first_token_at = time.time()
        if event.partial:
            if text:
                self._live.add(event.id, event.author, text)
                turn = self._live.turn
                self._services.transcripts.chunk(turn.key, turn.id, event.id, event.author, text)
                self._services.bus.publish(
                    BusEvent(
                        Happening.AGENT_CHUNK,
                        self._live.turn.key,
                        self._live.turn.id,
                        text=text,
                        event_id=event.id,
                        author=event.author,
                    )
                )
            return
        if event.error_code and event.error_code != ABORTED:
            # Where an exception is behind it, that follows and says more.
            self._problem = event.error_message or f"The model ended the answer with {event.error_code}."
            return
        self._message_stored = True
        self._problem = self._problem or unanswerable(event)
        self._calls_tools = self._calls_tools or bool(event.get_function_calls())
        self._tally.count(event.usage_metadata)
        if event.actions.artifact_delta:
            origin = Origin(self._live.turn.key, self._live.turn.id, _answered_call(event))
            await add_files(self._services.results, self._services.artifacts, origin, event.actions.artifact_delta)
        if event.error_code != ABORTED:
            self._live.event_stored()
            self._publish(Happening.SESSION_CHANGED)

    async def _questions(self) -> dict[str, Question]:
        if not self._calls_tools:
            return {}
        key = self._live.turn.key
        session = await self._services.sessions.get_session(
            app_name=key.app_name, user_id=key.user_id, session_id=key.session_id
        )
        if session is None:
            return {}
        return questions(event for event in session.events if event.invocation_id == self._live.turn.id)

    async def _pause(self, asked: Mapping[str, Question]) -> None:
        """Wait for the person; the turn stays, whoever looks sees that it waits, and others use its place."""
        self._live.pause = Pause(asked)
        self._live.status = TurnStatus.PAUSED
        async for attempt in self._until_there_is_room():
            with attempt:
                await self._update(status=TurnStatus.PAUSED, **self._counted())
        # Stopped while this was kept; a shutdown leaves the question to be answered after the next start.
        if self._abort.is_set() and self._ended_early_as is TurnStatus.STOPPED:
            await self._end(TurnStatus.STOPPED)

    async def _end(self, status: TurnStatus, error: str | None = None) -> None:
        """Keep how the turn ended, as soon as there is room for it: until then the live turn goes on showing it."""
        self._live.ending = status, error
        async for attempt in self._until_there_is_room():
            with attempt:
                await self._keep_end(status, error)

    def _until_there_is_room(self) -> AsyncRetrying:
        """Attempts without an end on a full disk, and a few where something else goes wrong."""
        return AsyncRetrying(stop=_is_hopeless, wait=_patience, before_sleep=self._report, reraise=True)

    def _report(self, state: RetryCallState) -> None:
        error = _error(state)
        self._live.problem = str(error) if isinstance(error, ColloquyError) else None
        self._publish(Happening.TURN_CHANGED)

    async def _keep_end(self, status: TurnStatus, error: str | None) -> None:
        turn = self._live.turn
        said = self._live.view()
        with suppress(SessionNotFoundError):  # deleted in the meantime
            if not self._message_stored:
                await append_lost_message(self._services.sessions, turn)
            if said.text:
                await append_partial_answer(
                    self._services.sessions,
                    turn,
                    author=self._live.author or turn.key.app_name,
                    text=said.text,
                    status=status,
                    event_id=said.event_id,
                )
                self._live.event_stored()
            if self._calls_tools:
                await answer_open_calls(self._services.sessions, turn, OPEN_CALL[status])
        await self._update(status=status, ended_at=time.time(), error=error, **self._counted())
        self._live.status, self._live.error = status, error

    def _counted(self) -> _Counted:
        return {
            "first_token_at": self._tally.first_token_at,
            "input_tokens": self._tally.input_tokens,
            "output_tokens": self._tally.output_tokens,
        }

    async def _update(self, **fields: Unpack[_TurnFields]) -> None:
        await asyncio.to_thread(self._services.store.update_turn, self._live.turn.id, **fields)
        self._publish(Happening.TURN_CHANGED, fields.get("status"))

    def _publish(self, kind: Happening, status: TurnStatus | None = None) -> None:
        turn = self._live.turn
        status = (status or self._live.status) if kind is Happening.TURN_CHANGED else None
        self._services.bus.publish(BusEvent(kind, turn.key, turn.id, status=status))


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _is_hopeless(state: RetryCallState) -> bool:
    return not isinstance(_error(state), StoreFullError) and state.attempt_number >= ATTEMPTS


def _patience(state: RetryCallState) -> float:
    if isinstance(_error(state), StoreFullError):
        return wait_exponential(max=LONGEST_WAIT_FOR_ROOM)(state)
    return PAUSE_BETWEEN_ATTEMPTS


def _answered_call(event: Event) -> str | None:
    """The call that an event answers, where it is one."""
    answered = [response.id for response in event.get_function_responses()]
    return answered[0] if len(answered) == 1 else None
