"""Keeps one agent from holding up the others: each has an event loop on a thread of its own, so that one that blocks
holds up only its own turns, and none can have all places of running turns.

What an agent brings along, such as the connections of its models and tools, belongs to the loop on which it was first
used, so an agent keeps its loop. Threads take turns at Python's lock: code that never gives it back, such as one
regular expression that backtracks for minutes, still holds up the whole process.
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
"""Seconds that what still runs on a loop has to end when that is closed."""

SWITCH = 0.0005
"""Seconds after which a thread that computes lets another one go first. With Python's 5 ms, each word that passes
through several threads beside it is late by a multiple of that."""

R = TypeVar("R")

log = structlog.get_logger()


class LoopThread:
    """An event loop on a thread of its own. Methods may be called from any other thread."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._running: set[Future[Any]] = set()
        self._retired = False

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> Future[R]:
        """Run a coroutine on the loop."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        self._running.add(future)
        future.add_done_callback(self._done)
        return future

    def call(self, callback: Callable[[], object]) -> None:
        """Call something on the loop, unless that has ended."""
        with suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(callback)

    def retire(self) -> None:
        """Let what runs come to its end, and then the loop."""
        self._retired = True
        if not self._running:
            self.stop()

    def stop(self) -> None:
        """End the loop after the step that it is at."""
        self.call(self.loop.stop)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout)

    def place(self) -> str:
        """Where its code is at this moment, as the innermost lines of the stack."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - there is no public name for it
        return " < ".join(f"{one.filename}:{one.lineno}" for one in reversed(traceback.extract_stack(frame)[-3:]))

    def _done(self, future: Future[Any]) -> None:
        self._running.discard(future)
        if self._retired and not self._running:
            self.stop()

    def _work(self) -> None:
        while True:
            # A tool that calls sys.exit ends its turn; asyncio would have it end the loop, too.
            with suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()
                break
        if left := asyncio.all_tasks(self.loop):
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(left, timeout=LAST_WORDS))
        self.loop.close()


class AgentLoops:
    """The loops of all agents, by the ids of these. For one thread."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH)
        self._loops: dict[str, LoopThread] = {}

    def of(self, agent_id: str) -> LoopThread:
        """The loop of an agent."""
        thread = self._loops.get(agent_id)
        if thread is None:
            thread = self._loops[agent_id] = LoopThread(f"agent {agent_id}")
            thread.start()
        return thread

    def give_up(self, agent_id: str, thread: LoopThread) -> None:
        """Have an agent whose loop does not answer go on with another one. Python cannot end a thread: it ends when
        what blocks it returns."""
        log.warning("an agent blocks its event loop and goes on with another one", agent=agent_id, at=thread.place())
        thread.retire()
        if self._loops.get(agent_id) is thread:
            del self._loops[agent_id]

    def close(self) -> None:
        """End all loops. One that is blocked is left behind."""
        for thread in self._loops.values():
            thread.stop()
        for thread in self._loops.values():
            thread.join(LAST_WORDS)
        self._loops.clear()


class Places:
    """How many turns run at once; the others wait in order. Where one agent has all places, another one gets one more,
    so that turns which never end do not keep everybody waiting. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def place(self, agent_id: str) -> AsyncIterator[None]:
        """Wait for a place, and have it as long as this is open."""
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
