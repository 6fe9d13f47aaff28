"""Keeps one agent from holding up the others: each agent has its own event loop on its own thread, so a blocking agent
holds up only its own turns, and no agent can occupy every place for running turns.

What an agent brings along, such as the connections of its models and tools, belongs to the loop on which it was first
used, so an agent keeps its loop. Threads share Python's lock: code that never releases it, such as one regular
expression that backtracks for minutes, still holds up the whole process.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import structlog

LAST_WORDS = 1.0
"""Seconds that tasks still running on a loop get to finish when the loop is closed."""

SWITCH = 0.0005
"""Seconds after which a computing thread lets another one run. With Python's default of 5 ms, each chunk that passes
through several threads meanwhile is late by a multiple of that."""

R = TypeVar("R")

log = structlog.get_logger()


class LoopThread:
    """An event loop on its own thread. Its methods may be called from any other thread."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._running: set[Future[Any]] = set()
        self._retired = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> Future[R]:
        """Run a coroutine on the loop."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        self._running.add(future)
        future.add_done_callback(self._done)
        return future

    def call(self, callback: Callable[[], object]) -> None:
        """Call a function on the loop; does nothing if the loop has ended."""
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(callback)

    def retire(self) -> None:
        """Stop the loop once everything that runs on it has finished."""
        self._retired = True
        if not self._running:
            self.stop()

    def stop(self) -> None:
        """Stop the loop after its current step."""
        self.call(self.loop.stop)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread ends."""
        self._thread.join(timeout)

    def place(self) -> str:
        """Return where the thread's code is right now, as the innermost lines of its stack."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - there is no public name for it
        return " < ".join(f"{one.filename}:{one.lineno}" for one in reversed(traceback.extract_stack(frame)[-3:]))

    def _done(self, future: Future[Any]) -> None:
        self._running.discard(future)
        if self._retired and not self._running:
            self.stop()

    def _work(self) -> None:
        while True:
            # A tool that calls sys.exit ends its turn; asyncio would end the loop as well.
            with suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()
                break
        if left := asyncio.all_tasks(self.loop):
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(left, timeout=LAST_WORDS))
        self.loop.close()


class AgentLoops:
    """The loops of all agents, by agent id. To be used from one thread only."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH)
        self._loops: dict[str, LoopThread] = {}

    def of(self, agent_id: str) -> LoopThread:
        """Return the loop of an agent."""
        thread = self._loops.get(agent_id)
        if thread is None:
            thread = self._loops[agent_id] = LoopThread(f"agent {agent_id}")
            thread.start()
        return thread

    def give_up(self, agent_id: str, thread: LoopThread) -> None:
        """Move an agent whose loop does not respond to a new loop. Python cannot end a thread: the old one ends when
        the blocking call returns."""
        log.warning(
            "an agent blocks its event loop; its next turns run in a new one", agent=agent_id, at=thread.place()
        )
        thread.retire()
        if self._loops.get(agent_id) is thread:
            del self._loops[agent_id]

    def close(self) -> None:
        """Stop all loops. A blocked one is abandoned."""
        for thread in self._loops.values():
            thread.stop()
        for thread in self._loops.values():
            thread.join(LAST_WORDS)
        self._loops.clear()


class TurnSlots:
    """Limits how many turns run at once; the others wait in order. If one agent occupies every place, another agent
    gets one extra place, so that turns which never end do not keep everyone waiting. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def place(self, agent_id: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it while the context is open."""
        admitted = asyncio.get_running_loop().create_future()
        self._waiting.append((agent_id, admitted))
        self._admit()
        try:
            await admitted
            yield
        finally:
            if (agent_id, admitted) in self._waiting:
                self._waiting.remove((agent_id, admitted))
            else:
                self._running[agent_id] -= 1
            self._admit()

    def _admit(self) -> None:
        for agent_id, admitted in [*self._waiting]:
            if not admitted.done() and self._has_room_for(agent_id):
                self._waiting.remove((agent_id, admitted))
                self._running[agent_id] += 1
                admitted.set_result(None)

    def _has_room_for(self, agent_id: str) -> bool:
        running = +self._running
        if running.total() < self._most:
            return True
        is_one_agent = len(running) == 1 and agent_id not in running
        return is_one_agent and 1 < self._most == running.total()
