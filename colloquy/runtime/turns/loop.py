"""Runs turns in the background: one at a time per session, and a limited number in all. Its event loop runs no agent
code, so that Stop works whatever an agent does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from google.adk.errors.session_not_found_error import SessionNotFoundError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from colloquy.agents.agent import AgentProblemError
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.services import Services
from colloquy.runtime.turns.abnormal_endings import OPEN_CALL, answer_open_calls
from colloquy.runtime.turns.agent_loops import AgentLoops, LoopThread, TurnSlots
from colloquy.runtime.turns.confirmation import NothingToAnswerError, Pause
from colloquy.runtime.turns.event_stream import EventStream
from colloquy.runtime.turns.execution import Execution
from colloquy.runtime.turns.live import LiveTurn
from colloquy.runtime.turns.messages import write_title
from colloquy.runtime.turns.recovery import close, recover
from session_store.errors import NOTHING_IS_KEPT, StoreError
from session_store.models import SessionKey, Turn, TurnStatus

KEEP_CHUNKS_EVERY = 0.2
"""Seconds between two writes of what running turns say: the most that a crash can lose of an unfinished answer."""

STOP_PATIENCE = 5.0
"""Seconds to wait until a turn that was told to stop has ended and what it said is stored."""

FOLLOWED_LATE = 30.0
"""Seconds after its end during which a turn can still be followed from its first event."""

LONGEST_WAIT_FOR_STORE = 30
"""Most seconds between two attempts to record how a turn ended that could not be stored completely."""

LONGEST_WAIT_FOR_ROOM = 2
"""Most seconds between two attempts to store the end of a turn on a full disk."""

R = TypeVar("R")

log = structlog.get_logger()


class TurnLoop:
    """The turns that are not over, and the loop that works them off. Public methods may be called from any thread,
    except coroutines, which run on the loop: use ``call``."""

    def __init__(self, services: Services, *, max_turns: int) -> None:
        self._services = services
        self._live: dict[SessionKey, list[LiveTurn]] = defaultdict(list)
        self._at_work: set[SessionKey] = set()
        self._known: dict[str, LiveTurn] = {}
        self._executions: dict[str, Execution] = {}
        self._lock = threading.Lock()
        self._thread = LoopThread("turns")
        self._loop = self._thread.loop
        self._agents = AgentLoops()
        self._places = TurnSlots(max_turns)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self) -> None:
        """Close the turns that a dead process left open, and resume waiting for persons."""
        self._thread.start()
        going_on, open_still = self.call(recover(self._services))
        for live in going_on:
            self.enqueue(live)
        for turn in open_still:
            self._spawn_soon(self._close_later(turn))
        self._spawn_soon(self._keep_chunks())

    def close(self) -> None:
        """End running turns as interrupted, store what they said, and stop the loop."""
        if self._closed:
            return
        self._closed = True
        self.call(self._wind_down())
        self._thread.stop()
        self._thread.join()
        self._agents.close()

    def call(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine on the loop and wait for its result."""
        return self._thread.run(coroutine).result()

    def enqueue(self, live: LiveTurn) -> None:
        """Run a turn after the unfinished turns of its session."""
        key = live.turn.key
        with self._lock:
            self._live[key].append(live)
            self._known[live.turn.id] = live
            # Announced on the loop, the only place where statuses change: nobody is told that a turn waits after it has
            # begun.
            self._loop.call_soon_threadsafe(self._changed, live)
            if key not in self._at_work:
                self._at_work.add(key)
                self._spawn_soon(self._work_off(key))

    def of_session(self, key: SessionKey) -> list[LiveTurn]:
        """Return the unfinished turns of a session, in order."""
        with self._lock:
            return [*self._live.get(key, ())]

    def known(self, turn_id: str) -> LiveTurn | None:
        """Return a turn that is not over, or ended a moment ago."""
        with self._lock:
            return self._known.get(turn_id)

    async def stop(self, turn_id: str) -> None:
        """See ``Turns.stop``. Waits up to ``STOP_PATIENCE`` until a running turn has ended and its text is stored."""
        if execution := self._executions.get(turn_id):
            execution.stop()
            with suppress(TimeoutError):
                await asyncio.wait_for(execution.over.wait(), STOP_PATIENCE)
            return
        live = self._find(turn_id)
        if live and not live.status.is_over:
            await self._withdraw(live)

    async def _withdraw(self, live: LiveTurn) -> None:
        """End a turn that is queued or waits for a person."""
        live.status = TurnStatus.STOPPED
        try:
            await self._keep_withdrawal(live)
        except Exception:
            log.warning("the end of a turn could not be stored", turn=live.turn.id, exc_info=True)
            self._spawn(self._note_end(live))
        if live.pause:
            live.pause.over.set()
        self._forget(live)

    async def _keep_withdrawal(self, live: LiveTurn) -> None:
        if live.pause:
            with suppress(SessionNotFoundError):  # the session has been deleted meanwhile
                await answer_open_calls(self._services.sessions, live.turn, OPEN_CALL[TurnStatus.STOPPED])
        await asyncio.to_thread(
            self._services.store.turns.update, live.turn.id, status=TurnStatus.STOPPED, ended_at=time.time()
        )

    async def answer(self, turn_id: str, responses: Mapping[str, Mapping[str, Any]]) -> Turn:
        """Answer what the tools of a paused turn ask; the turn resumes once everything is answered.

        Raises:
            NothingToAnswerError: it has already been answered, or the turn is over.
            AgentProblemError: the agent is not loaded yet.
        """
        live = self._find(turn_id)
        if live is None or live.pause is None or live.status is not TurnStatus.PAUSED:
            raise NothingToAnswerError
        agent = self._services.agents.find(live.turn.key.app_name)
        if agent and agent.loading:  # just after a start; the turn would fail
            raise AgentProblemError(agent.problem)
        live.pause.answer(responses)
        live.event_stream = EventStream()
        if not live.pause.over.is_set():
            live.event_stream.end()
        self._changed(live)
        return live.turn

    async def answer_in(self, key: SessionKey, responses: Mapping[str, Mapping[str, Any]]) -> Turn:
        """Answer what the paused turn of a session asks. Raises the same errors as ``answer``."""
        paused = next((live.turn.id for live in self.of_session(key) if live.status is TurnStatus.PAUSED), "")
        return await self.answer(paused, responses)

    # -- on the loop ---------------------------------------------------------------------------------------------------

    async def _work_off(self, key: SessionKey) -> None:
        while not self._closed and (live := self._first(key)):
            try:
                await self._see_through(live)
            # Whatever prevented the end of a turn from being stored, the session goes on.
            except Exception:
                log.warning("the end of a turn could not be stored", turn=live.turn.id, exc_info=True)
                live.status, live.error = live.ending
                self._spawn(self._note_end(live))
            self._forget(live)
            if live.status is TurnStatus.COMPLETED:
                self._spawn(write_title(self._services, live.turn))

    async def _note_end(self, live: LiveTurn) -> None:
        """Record at least how a turn ended, as soon as the store accepts it. If the process ends before that, the next
        start finds the turn unfinished."""
        ended_at = time.time()
        self._services.store.turns.ended_unkept(live.turn, live.status, ended_at, live.error)
        async for attempt in AsyncRetrying(wait=wait_exponential(max=LONGEST_WAIT_FOR_STORE)):
            with attempt:
                await asyncio.to_thread(
                    self._services.store.turns.update,
                    live.turn.id,
                    status=live.status,
                    ended_at=ended_at,
                    error=live.error,
                )
        self._changed(live)

    async def _see_through(self, live: LiveTurn) -> None:
        """Run a turn to its end, waiting for the person whenever it asks."""
        if live.problem:  # it ended while it waited
            await self._keep_later(live, Execution(self._services, self._agents, live))
        while not live.status.is_over:
            if live.status is TurnStatus.PAUSED and live.pause:
                await self._answered(live, live.pause)
            async with self._places.place(live.turn.key.app_name):
                if live.status is not TurnStatus.QUEUED:  # withdrawn while it waited for a place
                    continue
                event_stream = live.event_stream
                execution = self._executions[live.turn.id] = Execution(self._services, self._agents, live)
                try:
                    await execution.run()
                except NOTHING_IS_KEPT as error:
                    live.end_unkept(error)
                finally:
                    del self._executions[live.turn.id]
            if live.problem:
                await self._keep_later(live, execution)
            elif not live.status.is_over:  # an ended turn ends its stream in _forget
                event_stream.end()

    async def _keep_later(self, live: LiveTurn, execution: Execution) -> None:
        """Show everyone that a turn is over although nothing of it can be stored, and store it once there is space
        again. Until then, turns waiting behind it could not begin, so they end as well."""
        self._show_unkept(live)
        async for attempt in _until_there_is_room():
            with attempt:
                try:
                    await execution.keep()
                except NOTHING_IS_KEPT as error:
                    self._end_waiting(live.turn.key, error)
                    raise

    def _end_waiting(self, key: SessionKey, problem: StoreError) -> None:
        for live in self.of_session(key):
            if live.status is TurnStatus.QUEUED:
                live.ending = TurnStatus.FAILED, str(problem)
                live.end_unkept(problem)
                self._show_unkept(live)

    def _show_unkept(self, live: LiveTurn) -> None:
        live.ended_at = live.ended_at or time.time()
        self._services.store.turns.ended_unkept(live.turn, live.status, live.ended_at, live.error)
        live.event_stream.end()
        self._changed(live)

    async def _close_later(self, turn: Turn) -> None:
        async for attempt in _until_there_is_room():
            with attempt:
                await close(self._services, turn)
        self._services.bus.publish(BusEvent(EventKind.SESSION_CHANGED, turn.key))

    async def _answered(self, live: LiveTurn, pause: Pause) -> None:
        await pause.over.wait()
        if not live.status.is_over:
            live.status = TurnStatus.QUEUED
            self._changed(live)

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
        live.event_stream.end()
        self._services.transcripts.turn_ended(key, live.turn.id, live.status, live.error)
        self._loop.call_later(FOLLOWED_LATE, self._known.pop, live.turn.id, None)
        self._services.bus.publish(BusEvent(EventKind.AGENT_CHUNK, key, live.turn.id, is_done=True))
        self._changed(live)

    def _find(self, turn_id: str) -> LiveTurn | None:
        with self._lock:
            found = (live for turns in self._live.values() for live in turns if live.turn.id == turn_id)
            return next(found, None)

    async def _keep_chunks(self) -> None:
        while True:
            await asyncio.sleep(KEEP_CHUNKS_EVERY)
            with self._lock:
                live = [turns[0] for turns in self._live.values() if turns]
            chunks = {turn.turn.id: text for turn in live if (text := turn.take_unsaved())}
            if not chunks:
                continue
            try:
                await asyncio.to_thread(self._services.store.turns.append_chunks, chunks)
            # Whatever it is, the chunks are tried again with the next ones.
            except Exception as error:
                if not isinstance(error, StoreError):
                    log.warning("chunks could not be stored", exc_info=True)
                for turn in live:
                    turn.put_back(chunks.get(turn.turn.id, ""))
                if isinstance(error, NOTHING_IS_KEPT):  # what they go on to say would be lost
                    for execution in self._executions.values():
                        execution.stop(TurnStatus.FAILED, str(error))

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
        with self._lock:
            known = [*self._known.values()]
        for live in known:
            live.event_stream.end()

    def _spawn_soon(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._loop.call_soon_threadsafe(self._spawn, coroutine)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _changed(self, live: LiveTurn) -> None:
        self._services.bus.publish(BusEvent(EventKind.TURN_CHANGED, live.turn.key, live.turn.id, status=live.status))


def _until_there_is_room() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(NOTHING_IS_KEPT), wait=wait_exponential(max=LONGEST_WAIT_FOR_ROOM)
    )
