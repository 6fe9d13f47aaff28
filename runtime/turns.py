"""Takes messages, runs their turns in the background and says how they stand."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.genai import types

from agents.agent import AgentProblemError
from runtime.attachments import Attachment, is_file, refuse_large
from runtime.bus import BusEvent, Happening
from runtime.confirmation import NothingToAnswerError, Pause, confirmations
from runtime.execution import Execution
from runtime.history import OPEN_CALL, answer_open_calls
from runtime.live import LiveTurn, LiveView
from runtime.messages import EmptyMessageError, Messages, SessionGoneError
from runtime.recovery import recover
from runtime.runner import rewinder
from runtime.services import Services
from runtime.stretches import Stretch
from runtime.texts import user_content
from runtime.titles import write_title
from session_store import Store
from session_store.errors import ColloquyError
from session_store.models import SessionKey, Turn, TurnStatus
from session_store.transcript import USER, message_text

KEEP_CHUNKS_EVERY = 0.2
"""Seconds between two writes of what running turns say: the most that a crash can take of an unfinished answer."""

STOP_PATIENCE = 5.0
"""Seconds to wait for a turn that was told to stop. One that a tool holds up longer ends when the tool returns."""

FOLLOWED_LATE = 30.0
"""Seconds after its end in which a turn can still be followed from its first event."""

R = TypeVar("R")


class SessionBusyError(ColloquyError):
    """The conversation cannot be changed while a turn of it runs."""


class Turns:
    """The turns of all sessions, on one background event loop. Its methods may be called from any thread."""

    def __init__(self, services: Services, *, max_turns: int) -> None:
        self._services = services
        self._messages = Messages(services)
        self._live: dict[SessionKey, list[LiveTurn]] = defaultdict(list)
        self._at_work: set[SessionKey] = set()
        self._known: dict[str, LiveTurn] = {}
        self._executions: dict[str, Execution] = {}
        self._lock = threading.Lock()
        self._entry = threading.Lock()  # keeps the order of the rows that of the queue
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="turns", daemon=True)
        self._slots = asyncio.Semaphore(max_turns)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self) -> None:
        """Close what a process that died left open, go on to wait where it waited for a person, then take messages."""
        self._thread.start()
        for live in self._call(recover(self._services)):
            self._enqueue(live)
        self._spawn_soon(self._keep_chunks())

    def close(self) -> None:
        """End running turns as interrupted, keep what they said, and stop the loop."""
        if self._closed:
            return
        self._closed = True
        self._call(self._wind_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def submit(self, key: SessionKey, text: str, files: Sequence[Attachment] = ()) -> Turn:
        """Take a message. Its turn runs at once, or waits for those before it. Durable when this returns.

        Raises:
            EmptyMessageError, SessionGoneError
            AttachmentRefusedError: a file cannot be part of a message, or the session's model does not read it.
        """
        return self._submit(key, user_content(text, self._messages.parts_of(key, files)))

    def submit_content(
        self, key: SessionKey, content: types.Content, *, state_delta: Mapping[str, Any] | None = None
    ) -> Turn:
        """Take what a client of ADK sends: a message, or the responses of functions.

        Answers to what a tool asks go to the turn that waits for them, which is returned, and goes on. Everything else
        is a turn of its own, like one of ``submit``; ``state_delta`` is applied to the session when that begins.

        Raises:
            EmptyMessageError, SessionGoneError
            AttachmentRefusedError: the files are too large.
            NothingToAnswerError: it answers what nothing asks (any more).
            AgentProblemError: it answers a tool of an agent that is not loaded yet.
        """
        if responses := confirmations(content):
            return self._call(self._answer_all(key, responses))
        size = sum(len(part.inline_data.data or b"") for part in content.parts or [] if part.inline_data)
        refuse_large(size, most_mb=self._services.settings.attachment_mb)
        return self._submit(key, content.model_copy(update={"role": USER}), state_delta)

    def _submit(self, key: SessionKey, content: types.Content, state_delta: Mapping[str, Any] | None = None) -> Turn:
        with self._entry:
            turn = self._messages.new_turn(key, content)
            try:
                self._services.store.create_turn(turn)
            except SessionNotFoundError as error:
                raise SessionGoneError from error
            self._enqueue(LiveTurn(turn, state_delta))
        self._publish(Happening.TURN_CHANGED, key, turn.id)
        return turn

    def replace(self, turn: Turn, text: str) -> Turn:
        """Take back a turn and everything after it, and run again with ``text`` and the files of its message.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
            EmptyMessageError, SessionGoneError
        """
        message = types.Content.model_validate(self._whole(turn.id).message)
        files = [part for part in message.parts or [] if is_file(part)]
        if not text.strip() and not files:
            raise EmptyMessageError
        if live := self.live(turn.key):
            if live[0].status is TurnStatus.PAUSED:
                raise SessionBusyError("Answer what the tool asks, or stop it, before you change the conversation.")
            raise SessionBusyError("Stop the running answer before you change the conversation.")
        self._call(self._rewind(turn))
        self._publish(Happening.SESSION_CHANGED, turn.key)
        return self._submit(turn.key, user_content(text, files))

    @contextmanager
    def quiet(self, key: SessionKey) -> Iterator[None]:
        """Keep turns from beginning, to change a session in between. Only for short work: all sessions wait.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
        """
        with self._entry:
            if self.live(key):
                raise SessionBusyError("A turn of this conversation is running or waiting. Try again when it is over.")
            yield

    def retry(self, turn: Turn) -> Turn:
        """Take back a turn and run its message again. Raises like ``replace``."""
        return self.replace(turn, message_text(self._whole(turn.id)))

    def stop(self, turn_id: str) -> None:
        """End a running turn and keep what it said, or withdraw a waiting one. Does nothing if it is over."""
        self._call(self._stop(turn_id))

    def answer(self, turn_id: str, call_id: str, approved: bool) -> None:  # noqa: FBT001 - it is the answer
        """Approve or decline what a tool of a paused turn asks. The turn goes on when all that it asks is answered.

        ``call_id`` is that of the asking call (``adk_request_confirmation``) or of the call it is about.

        Raises:
            NothingToAnswerError: it was answered already, or the turn is over.
            AgentProblemError: the agent is not loaded yet.
        """
        self._call(self._answer(turn_id, {call_id: {"confirmed": approved}}))

    def live(self, key: SessionKey) -> list[LiveView]:
        """The turns of a session that are not over, in order: the first may be running, the others wait."""
        with self._lock:
            return [turn.view() for turn in self._live.get(key, ())]

    def wait(self, turn_id: str, timeout: float | None = None) -> Turn:
        """Wait until a turn is over or waits for a person, at most ``timeout`` seconds. Returns it as it stands then.

        Not for an event loop. Raises SessionGoneError if there is no such turn.
        """
        if stretch := self.stretch(turn_id):
            stretch.wait(timeout)
        return self._whole(turn_id)

    def stretch(self, turn_id: str) -> Stretch | None:
        """What a turn gave out since it was submitted or last answered; None if it ended a while ago."""
        with self._lock:
            live = self._known.get(turn_id)
        return live.stretch if live else None

    @property
    def store(self) -> Store:
        """Where turns are kept."""
        return self._services.store

    def _whole(self, turn_id: str) -> Turn:
        """The turn with its message."""
        whole = self._services.store.get_turn(turn_id)
        if whole is None:
            raise SessionGoneError
        return whole

    def _enqueue(self, live: LiveTurn) -> None:
        key = live.turn.key
        with self._lock:
            self._live[key].append(live)
            self._known[live.turn.id] = live
            if key not in self._at_work:
                self._at_work.add(key)
                self._spawn_soon(self._work_off(key))

    def _run_loop(self) -> None:
        while True:
            # A tool that calls sys.exit ends its turn; asyncio would have it end the loop, too.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()
                return

    # -- on the loop ---------------------------------------------------------------------------------------------------

    async def _work_off(self, key: SessionKey) -> None:
        while not self._closed and (live := self._first(key)):
            await self._see_through(live)
            self._forget(live)
            if live.status is TurnStatus.COMPLETED:
                self._spawn(write_title(self._services, live.turn))

    async def _see_through(self, live: LiveTurn) -> None:
        """Run a turn to its end, and wait for the person wherever it asks."""
        while not live.status.is_over:
            if live.status is TurnStatus.PAUSED and live.pause:
                await self._answered(live, live.pause)
            async with self._slots:
                if live.status is TurnStatus.QUEUED:  # and not withdrawn while it waited for a slot
                    execution = self._executions[live.turn.id] = Execution(self._services, live)
                    stretch = live.stretch
                    try:
                        await execution.run()
                    finally:
                        del self._executions[live.turn.id]
                    if not live.status.is_over:  # else once it is out of the way
                        stretch.end()

    async def _answered(self, live: LiveTurn, pause: Pause) -> None:
        await pause.over.wait()
        if not live.status.is_over:
            live.status = TurnStatus.QUEUED
            self._publish(Happening.TURN_CHANGED, live.turn.key, live.turn.id)

    def _first(self, key: SessionKey) -> LiveTurn | None:
        with self._lock:
            turns = self._live[key]
            if not turns:
                del self._live[key]
                self._at_work.discard(key)
                return None
            return turns[0]

    def _forget(self, live: LiveTurn) -> None:
        key = live.turn.key
        with self._lock:
            if live in self._live[key]:
                self._live[key].remove(live)
        live.stretch.end()
        self._loop.call_later(FOLLOWED_LATE, self._known.pop, live.turn.id, None)
        self._publish(Happening.TURN_CHANGED, key, live.turn.id)

    async def _stop(self, turn_id: str) -> None:
        if execution := self._executions.get(turn_id):
            execution.stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(execution.over.wait(), STOP_PATIENCE)
            return
        if live := self._find(turn_id):
            live.status = TurnStatus.STOPPED
            if live.pause:
                with suppress(SessionNotFoundError):  # deleted in the meantime
                    await answer_open_calls(self._services.sessions, live.turn, OPEN_CALL[TurnStatus.STOPPED])
            await asyncio.to_thread(
                self._services.store.update_turn, turn_id, status=TurnStatus.STOPPED, ended_at=time.time()
            )
            if live.pause:
                live.pause.over.set()
            self._forget(live)

    async def _answer(self, turn_id: str, responses: Mapping[str, Mapping[str, Any]]) -> Turn:
        live = self._find(turn_id)
        if live is None or live.pause is None or live.status is not TurnStatus.PAUSED:
            raise NothingToAnswerError
        agent = self._services.agents.find(live.turn.key.app_name)
        if agent and agent.loading:  # after a start; the turn would fail
            raise AgentProblemError(agent.problem)
        live.pause.answer(responses)
        live.stretch = Stretch()
        if not live.pause.over.is_set():
            live.stretch.end()
        self._publish(Happening.TURN_CHANGED, live.turn.key, turn_id)
        return live.turn

    async def _answer_all(self, key: SessionKey, responses: Mapping[str, Mapping[str, Any]]) -> Turn:
        with self._lock:
            turns = self._live.get(key, ())
            paused = next((live.turn.id for live in turns if live.status is TurnStatus.PAUSED), "")
        return await self._answer(paused, responses)

    def _find(self, turn_id: str) -> LiveTurn | None:
        with self._lock:
            found = (live for turns in self._live.values() for live in turns if live.turn.id == turn_id)
            return next(found, None)

    async def _rewind(self, turn: Turn) -> None:
        await rewinder(turn.key.app_name, self._services).rewind_async(
            user_id=turn.key.user_id, session_id=turn.key.session_id, rewind_before_invocation_id=turn.id
        )

    async def _keep_chunks(self) -> None:
        while True:
            await asyncio.sleep(KEEP_CHUNKS_EVERY)
            with self._lock:
                live = [turns[0] for turns in self._live.values() if turns]
            chunks = {turn.turn.id: text for turn in live if (text := turn.take_unsaved())}
            if chunks:
                await asyncio.to_thread(self._services.store.append_chunks, chunks)

    async def _wind_down(self) -> None:
        for execution in self._executions.values():
            execution.stop(TurnStatus.INTERRUPTED)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_PATIENCE):
                for execution in [*self._executions.values()]:
                    await execution.over.wait()
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for live in self._known.values():
            live.stretch.end()

    # -- between threads -----------------------------------------------------------------------------------------------

    def _call(self, coroutine: Coroutine[Any, Any, R]) -> R:
        future: Future[R] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result()

    def _spawn_soon(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._loop.call_soon_threadsafe(self._spawn, coroutine)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _publish(self, kind: Happening, key: SessionKey, turn_id: str | None = None) -> None:
        self._services.bus.publish(BusEvent(kind, key, turn_id))
