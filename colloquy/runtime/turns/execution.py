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
from tenacity import AsyncRetrying, retry_if_not_exception_type, stop_after_attempt, wait_fixed
from typing_extensions import Unpack

from colloquy.agents.models.pacing import answer_characters
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.results import ResultOrigin, add_files
from colloquy.runtime.services import Services
from colloquy.runtime.turns.abnormal_endings import (
    EMPTY,
    OPEN_CALL,
    answer_open_calls,
    append_lost_message,
    append_partial_answer,
    explain_failure,
    says_nothing,
)
from colloquy.runtime.turns.agent_loops import AgentLoops
from colloquy.runtime.turns.confirmation import Pause, unanswerable
from colloquy.runtime.turns.live import LiveTurn
from colloquy.runtime.turns.runner import runner_for
from session_store.errors import NOTHING_IS_KEPT, ColloquyError
from session_store.models import TurnStatus
from session_store.phrases import beginning_of
from session_store.sessions.event_rows import tokens_of
from session_store.transcripts.endings import ABORTED, Ending, ending_of, goes_on
from session_store.transcripts.markup import begins_in_thought
from session_store.transcripts.open_calls import ToolQuestion, questions
from session_store.transcripts.parts import USER, spans_of, text_of

TOOL_THREADS = 16
"""How many tools of one agent may block at once without holding up its other sessions, which share its event loop."""

LET_GO = 3.0
"""Seconds that an agent gets to end after its turn was told to. After that the turn ends without it."""

SAME_ANSWERS = 3
"""How often in a row a turn accepts the same answer that ends with the output of code. ADK asks the model to continue
from there, and a model that only repeats itself would be asked hundreds of times."""

ATTEMPTS = 3
PAUSE_BETWEEN_ATTEMPTS = 0.2
"""How often storing the end of a turn is tried when the error is not a full disk, and the seconds between attempts."""

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


class RepeatedAnswerError(ColloquyError):
    """A model only repeats itself."""

    def __init__(self) -> None:
        super().__init__(f"The model gave the same answer {SAME_ANSWERS} times in a row, so the turn was ended.")


@dataclass(slots=True)
class _Tally:
    """What is measured about a turn. Times are Unix seconds."""

    first_token_at: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    started_at: float = 0.0

    def now(self) -> float:
        """Return the time. If the clock was set back meanwhile, nothing ends before it started."""
        return max(time.time(), self.started_at, self.first_token_at or 0.0)

    def count(self, usage: types.GenerateContentResponseUsageMetadata | None) -> None:
        """Add the tokens that one model call used."""
        used = tokens_of(usage)
        if used.input is not None:
            self.input_tokens = (self.input_tokens or 0) + used.input
        if used.output is not None:
            self.output_tokens = (self.output_tokens or 0) + used.output


class Execution:
    """One turn from queued or paused to its end or its next pause. Lives on the runtime's event loop, except for what
    the agent does and says, which runs on the agent's loop."""

    def __init__(self, services: Services, loops: AgentLoops, live: LiveTurn) -> None:
        self._services = services
        self._loops = loops
        self._live = live
        self._resumed = live.pause
        self._tally = _Tally()
        self._message_stored = live.pause is not None
        self._calls_tools = live.pause is not None
        self._problem: str | None = None
        self._endings: dict[str, Ending] = {}
        """How answers were ended early, by author."""
        self._unfinished: dict[str, Event] = {}
        """The newest chunks of incomplete answers, by author: each reports the tokens used so far."""
        self._answers: list[types.Content | None] = []
        """The newest complete answers."""
        self._says_nothing = live.pause is None
        self._told_to_end = asyncio.Event()
        self._abort = asyncio.Event()
        """The same for the agent, on the agent's loop."""
        self.over = asyncio.Event()
        self._ended_early_as: tuple[TurnStatus, str | None] = TurnStatus.STOPPED, None
        self._ended_at = live.ended_at
        self._is_said_kept = False

    def stop(self, status: TurnStatus = TurnStatus.STOPPED, error: str | None = None) -> None:
        """End the turn as soon as the agent lets go, or shortly after without it; what it said is kept. ``error`` says
        why, if the turn failed."""
        if not self._told_to_end.is_set():
            self._ended_early_as = status, error
        self._told_to_end.set()

    async def run(self) -> None:
        """Run the turn until it ends or pauses. Any failure of the agent ends the turn as failed, with a message for
        the person. Raises, like ``keep``, what prevents the end from being stored."""
        try:
            await self._run()
        finally:
            self.over.set()

    async def _run(self) -> None:
        self._live.status = TurnStatus.RUNNING
        try:
            await self._begin()
            await self._hear_agent()
        except ColloquyError as error:
            self._fail(error)
        # An agent may raise anything, including sys.exit and the cancellation of one of its own tasks, and only its own
        # turn may fail.
        except BaseException as error:
            if self._is_shutdown(error):
                raise
            log.warning("turn failed", turn=self._live.turn.id, exc_info=True)
            self._fail(error)
        await self._conclude()

    def _fail(self, error: BaseException) -> None:
        self._live.event_stream.error = error
        self._problem = explain_failure(error)

    def _is_shutdown(self, error: BaseException) -> bool:
        """Whether an error means that Colloquy shuts down. Any other cancellation is the agent's, and is cleared."""
        if not isinstance(error, asyncio.CancelledError):
            return False
        if self._told_to_end.is_set() and self._ended_early_as[0] is TurnStatus.INTERRUPTED:
            return True
        task = asyncio.current_task()
        while task and task.cancelling():
            task.uncancel()
        return False

    async def _conclude(self) -> None:
        if self._told_to_end.is_set():  # anything that broke after that broke because of it
            await self._end(*self._ended_early_as)
        elif self._problem:
            await self._end(TurnStatus.FAILED, self._problem)
        elif failed := next((ending for ending in self._endings.values() if not ending.cut), None):
            await self._end(TurnStatus.FAILED, failed.reason)
        elif asked := await self._questions():
            await self._pause(asked)
        else:
            cut = next(iter(self._endings.values()), None)
            empty = EMPTY if self._says_nothing else None
            await self._end(TurnStatus.COMPLETED, cut.reason if cut else empty)

    async def _begin(self) -> None:
        if not self._resumed:
            self._tally.started_at = time.time()
            await self._update(status=TurnStatus.RUNNING, started_at=self._tally.started_at)
            return
        await self._update(status=TurnStatus.RUNNING)
        before = await asyncio.to_thread(self._services.store.turns.get, self._live.turn.id)
        if before:
            self._tally = _Tally(
                before.first_token_at, before.input_tokens, before.output_tokens, before.started_at or 0.0
            )

    async def _hear_agent(self) -> None:
        """Run the agent on its own loop until it has ended, or was told to end and does not."""
        if self._told_to_end.is_set():
            return
        thread = self._loops.of(self._live.turn.key.app_name)
        talk = asyncio.wrap_future(thread.run(self._outcome()))
        told_to_end = asyncio.create_task(self._told_to_end.wait())
        try:
            await asyncio.wait((talk, told_to_end), return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                thread.call(self._abort.set)
                await asyncio.wait([talk], timeout=LET_GO)
            if not talk.done():
                self._live.is_given_up = True
                if not self._abort.is_set():
                    self._loops.give_up(self._live.turn.key.app_name, thread)
            elif error := talk.result():
                raise error
        finally:
            told_to_end.cancel()
            talk.cancel()

    # -- on the agent's loop -------------------------------------------------------------------------------------------

    async def _outcome(self) -> BaseException | None:
        """Return what the agent raised. An exception that ends programs would end the agent's loop."""
        try:
            await self._converse()
        except BaseException as error:  # noqa: BLE001 - raised again on the runtime's loop
            return error
        return None

    async def _converse(self) -> None:
        turn = self._live.turn
        answer_characters.set(self._services.settings.answer_characters)
        runner = await asyncio.to_thread(runner_for, self._live, self._services)
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
                self._live.event_stream.add(event)
                await self._take(event)
            if self._abort.is_set():
                break

    def _messages(self) -> list[types.Content]:
        """Return what the runner is given: the person's message, or the answers given since the pause."""
        return self._resumed.messages() if self._resumed else [types.Content.model_validate(self._live.turn.message)]

    async def _take(self, event: Event) -> None:
        text = text_of(event.content)
        if text and event.author != "user" and self._tally.first_token_at is None:
            self._tally.first_token_at = self._tally.now()
        self._note_ending(event)
        self._says_nothing = self._says_nothing and (event.author == USER or says_nothing(event))
        if event.partial:
            self._unfinished[event.author] = event
            for is_thought, span in spans_of(event.content):
                self._say(event, span, is_thought=is_thought)
            return
        if text and event.author != USER and begins_in_thought(text):
            self._services.thinkers.add(self._thinker(event.author))
        completes = self._completes_answer(event)
        if completes:
            self._unfinished.pop(event.author, None)
        self._message_stored = True
        self._problem = self._problem or unanswerable(event)
        self._calls_tools = self._calls_tools or bool(event.get_function_calls())
        self._tally.count(event.usage_metadata)
        if event.actions.artifact_delta:
            origin = ResultOrigin(self._live.turn.key, self._live.turn.id, _answered_call(event))
            await add_files(self._services.results, self._services.artifacts, origin, event.actions.artifact_delta)
        if completes:
            self._live.event_stored()
        if event.error_code != ABORTED:
            self._publish(EventKind.SESSION_CHANGED)
        self._answers = [*self._answers, event.content][-SAME_ANSWERS:]
        if event.has_trailing_code_execution_result() and self._answers == [event.content] * SAME_ANSWERS:
            raise RepeatedAnswerError

    def _completes_answer(self, event: Event) -> bool:
        """Whether an event completes what was being said. The error that ADK makes of an exception does not."""
        if event.error_code == ABORTED:
            return False
        chunk = self._unfinished.get(event.author)
        is_same = chunk is not None and chunk.id == event.id
        return bool(is_same or event.content or event.usage_metadata or not event.error_code)

    def _note_ending(self, event: Event) -> None:
        """Remember how an answer ended. If its author goes on, as after another attempt, it did not end."""
        if ending := ending_of(event):
            self._endings[event.author] = ending
        elif goes_on(event):
            self._endings.pop(event.author, None)

    def _say(self, event: Event, text: str, *, is_thought: bool) -> None:
        turn = self._live.turn
        begun = self._thinker(event.author) in self._services.thinkers
        self._live.add(event.id, event.author, text, is_thought=is_thought, begun=begun)
        if not is_thought:
            self._services.transcripts.chunk(turn.key, turn.id, event.id, event.author, text)
        self._services.bus.publish(
            BusEvent(
                EventKind.AGENT_CHUNK,
                turn.key,
                turn.id,
                text=text,
                event_id=event.id,
                author=event.author,
                is_thought=is_thought,
            )
        )

    def _thinker(self, author: str) -> tuple[str, str, str | None]:
        return self._live.turn.key.app_name, author, self._live.turn.model

    # -- on the runtime's loop -----------------------------------------------------------------------------------------

    async def _questions(self) -> dict[str, ToolQuestion]:
        if not self._calls_tools:
            return {}
        key = self._live.turn.key
        session = await self._services.sessions.get_session(
            app_name=key.app_name, user_id=key.user_id, session_id=key.session_id
        )
        if session is None:
            return {}
        return questions(event for event in session.events if event.invocation_id == self._live.turn.id)

    async def _pause(self, asked: Mapping[str, ToolQuestion]) -> None:
        """Wait for the person. The turn stays, everyone sees that it is waiting, and other turns use its place."""
        self._live.pause = Pause(asked)
        self._live.status = TurnStatus.PAUSED
        try:
            async for attempt in _attempts():
                with attempt:
                    await self._update(status=TurnStatus.PAUSED, **self._counted())
        except NOTHING_IS_KEPT as error:
            await self._end(TurnStatus.FAILED, str(error))
            return
        # Stopped while this was being stored; after a shutdown, the question can still be answered when the app starts
        # again.
        if self._told_to_end.is_set() and self._ended_early_as[0] is not TurnStatus.INTERRUPTED:
            await self._end(*self._ended_early_as)

    async def _end(self, status: TurnStatus, error: str | None = None) -> None:
        self._live.ending, self._ended_at = (status, error and beginning_of(error)), self._tally.now()
        for chunk in self._unfinished.values():
            self._tally.count(chunk.usage_metadata)
        await self.keep()

    async def keep(self) -> None:
        """Store what the turn said and how it ended, or what an earlier attempt left unstored.

        Raises:
            StoreFullError, StoreNotWritableError: nothing can be stored at the moment.
        """
        status, error = self._live.ending
        try:
            async for attempt in _attempts():
                with attempt:
                    await self._keep_said(status)
        except NOTHING_IS_KEPT:
            raise
        # Whatever cannot be stored, the turn is over.
        except Exception:
            log.warning("the partial answer of a turn could not be stored", turn=self._live.turn.id, exc_info=True)
        self._is_said_kept = True
        async for attempt in _attempts():
            with attempt:
                await self._keep_end(status, error)

    async def _keep_end(self, status: TurnStatus, error: str | None) -> None:
        await self._update(status=status, ended_at=self._ended_at, error=error, **self._counted())
        self._live.status, self._live.error = status, error

    async def _keep_said(self, status: TurnStatus) -> None:
        if self._is_said_kept:
            return
        turn = self._live.turn
        view = self._live.view()
        with suppress(SessionNotFoundError):  # the session has been deleted meanwhile
            if not self._message_stored:
                await append_lost_message(self._services.sessions, turn)
            for chunk in [*self._unfinished.values()]:
                parts = view.parts if chunk.author == view.author else []
                await append_partial_answer(self._services.sessions, turn, parts=parts, status=status, chunk=chunk)
                del self._unfinished[chunk.author]
            self._live.event_stored()
            if self._calls_tools:
                await answer_open_calls(self._services.sessions, turn, OPEN_CALL[status])

    def _counted(self) -> _Counted:
        return {
            "first_token_at": self._tally.first_token_at,
            "input_tokens": self._tally.input_tokens,
            "output_tokens": self._tally.output_tokens,
        }

    async def _update(self, **fields: Unpack[_TurnFields]) -> None:
        await asyncio.to_thread(self._services.store.turns.update, self._live.turn.id, **fields)
        self._publish(EventKind.TURN_CHANGED, fields.get("status"))

    def _publish(self, kind: EventKind, status: TurnStatus | None = None) -> None:
        turn = self._live.turn
        status = (status or self._live.status) if kind is EventKind.TURN_CHANGED else None
        self._services.bus.publish(BusEvent(kind, turn.key, turn.id, status=status))


def _attempts() -> AsyncRetrying:
    """A few attempts, but only one if nothing can be stored at all: waiting must not occupy a place for turns."""
    return AsyncRetrying(
        retry=retry_if_not_exception_type(NOTHING_IS_KEPT),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_fixed(PAUSE_BETWEEN_ATTEMPTS),
        reraise=True,
    )


def _answered_call(event: Event) -> str | None:
    """Return the call that an event answers, if it answers exactly one."""
    answered = [response.id for response in event.get_function_responses()]
    return answered[0] if len(answered) == 1 else None
