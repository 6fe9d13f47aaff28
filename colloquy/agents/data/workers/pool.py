"""The pool of query processes: a few for all callers, one of them always ready, handed out fairly."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from colloquy.agents.data.errors import QueryBoundError, QueryStoppedError
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.agents.data.workers.memory_limits import bytes_of
from colloquy.agents.data.workers.process import DataSource, WorkerProcess

MEMORY_MIB: Final = 512
"""The memory of one query."""

TOGETHER_MIB: Final = 650
"""The memory of all these processes at the same time, besides what they share (about 70 MB)."""

MOST_AT_ONCE: Final = 5
IDLE_SECONDS: Final = 120.0
"""How long an idle process is kept for the data that it has opened, so that the next query there is quick."""

PATIENCE_SECONDS: Final = 120.0
"""How long a query waits for its turn."""

_MOST_IDLE: Final = 2
_MOST_THREADS: Final = 4
_LOOK_SECONDS: Final = 0.05


class Workers:
    """Hands out query processes. Thread-safe.

    At most ``most`` queries run at once. The next to run is the one whose client has the fewest running, so that a
    client with many queries does not hold up a client with one. A process only ever opens one data source, and ends
    with a query that took too much; by then another one is ready.
    """

    def __init__(self, *, most: int = MOST_AT_ONCE, together_mib: int = TOGETHER_MIB) -> None:
        self._most = most
        self._together = together_mib * 1024 * 1024
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._running: list[str] = []
        self._busy: set[WorkerProcess] = set()
        self._idle: dict[WorkerProcess, threading.Timer] = {}
        self._spare: dict[int, WorkerProcess] = {}
        """Processes that have not opened anything yet, by their memory limit."""
        self._is_watched = False
        atexit.register(self.close)

    def warm_up(self, memory_mib: int = MEMORY_MIB) -> None:
        """Start a process for the next query, unless one is ready."""
        with self._changed:
            spare = self._spare.get(memory_mib)
            if spare is None or not spare.is_alive:
                self._spare[memory_mib] = _started(memory_mib)

    @contextmanager
    def worker(
        self, source: DataSource, cancellation: Cancellation, memory_mib: int = MEMORY_MIB
    ) -> Iterator[WorkerProcess]:
        """Lend a process that has opened a data source, or is about to, for one query.

        Raises:
            QueryStoppedError: the query was stopped while it waited.
            QueryBoundError: it waited too long.
        """
        with self._turn(cancellation):
            worker = self._taken(source, memory_mib)
            try:
                yield worker
            finally:
                self._give_back(worker)

    def end(self, source: DataSource | None = None) -> None:
        """End the queries that run on a data source; without one, all queries."""
        with self._changed:
            busy = [one for one in self._busy if source is None or one.source == source]
        for one in busy:
            one.end()

    def close(self, source: DataSource | None = None) -> None:
        """End the queries that run on a data source, and the idle processes kept for it; without one, all of them."""
        self.end(source)
        with self._changed:
            ended = [one for one in self._idle if source is None or one.source == source]
            for one in ended:
                self._idle.pop(one).cancel()
            if source is None:
                ended += self._spare.values()
                self._spare.clear()
        for one in ended:
            one.close()

    @contextmanager
    def _turn(self, cancellation: Cancellation) -> Iterator[None]:
        client_id = cancellation.client_id
        with cancellation.on_cancel(self._look_again), self._changed:
            self._waiting.append(client_id)
            try:
                came = self._changed.wait_for(
                    lambda: cancellation.is_cancelled or self._is_next(client_id), PATIENCE_SECONDS
                )
                if cancellation.is_cancelled:
                    raise QueryStoppedError(QueryStoppedError.BEFORE_IT_BEGAN)
                if not came:
                    raise QueryBoundError("Too many queries are running. Try again in a moment.")
                self._running.append(client_id)
            finally:
                self._waiting.remove(client_id)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._running.remove(client_id)
                self._changed.notify_all()

    def _is_next(self, client_id: str) -> bool:
        if len(self._running) >= self._most:
            return False
        return client_id == min(self._waiting, key=self._running.count)

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _taken(self, source: DataSource, memory_mib: int) -> WorkerProcess:
        with self._changed:
            worker = next((one for one in self._idle if one.is_for(source, memory_mib)), None)
            if worker is not None:
                self._idle.pop(worker).cancel()
            if worker is None or not worker.is_alive:
                worker = self._spare.pop(memory_mib, None)
                if worker is None or not worker.is_alive:
                    worker = _started(memory_mib)
                worker.open(source)
                self._spare[memory_mib] = _started(memory_mib)
            self._busy.add(worker)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="memory of queries", daemon=True).start()
            return worker

    def _give_back(self, worker: WorkerProcess) -> None:
        ended = [worker]
        with self._changed:
            self._busy.discard(worker)
            if worker.is_as_new:
                timer = threading.Timer(IDLE_SECONDS, self._forget, [worker])
                timer.daemon = True
                timer.start()
                self._idle[worker] = timer
                ended = list(self._idle)[:-_MOST_IDLE]
                for one in ended:
                    self._idle.pop(one).cancel()
        for one in ended:
            one.close()

    def _forget(self, worker: WorkerProcess) -> None:
        with self._changed:
            if self._idle.pop(worker, None) is None:
                return
        worker.close()

    def _watch(self) -> None:
        """While queries run, give the long ones lower priority, and end the largest one if all processes together
        exceed the memory limit."""
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: not self._busy, _LOOK_SECONDS):
                    if not all(one.is_alive for one in self._busy):
                        continue  # it is about to be given back
                    for one in self._busy:
                        one.give_way_if_long()
                    memory = {one: bytes_of(one.pid) for one in [*self._busy, *self._idle, *self._spare.values()]}
                    most = max(self._busy, key=lambda one: memory[one])
                    if sum(memory.values()) > self._together:
                        most.end("crowded")
                    continue
                self._is_watched = False
                return


def _started(memory_mib: int) -> WorkerProcess:
    return WorkerProcess(memory_mib=memory_mib, threads=min(_MOST_THREADS, os.cpu_count() or 1))


WORKERS: Final = Workers()
"""The pool of this process: all queries share the machine's memory, however much data they are about."""
