"""The events that a turn's agent emits until it ends or pauses, for everyone who follows the turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from google.adk.events.event import Event

Wake = Callable[[], None]


class EventStream:
    """The ADK events of one stretch of a turn, in order. Written by one thread at a time, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event | str] = []  # a partial event is kept as JSON, a tenth of the object's size
        self._waiting: list[Wake] = []
        self._over = threading.Event()
        self.error: BaseException | None = None
        """What the agent raised, which ended the turn."""

    def add(self, event: Event) -> None:
        """Add the next event, and wake the waiting readers."""
        kept = event.model_dump_json(exclude_none=True, fallback=repr) if event.partial else event
        with self._lock:
            self._events.append(kept)
            waiting, self._waiting = self._waiting, []
        _wake(waiting)

    def end(self) -> None:
        """Mark the stream as complete, and wake the waiting readers."""
        with self._lock:
            self._over.set()
            waiting, self._waiting = self._waiting, []
        _wake(waiting)

    def read(self, position: int, wake: Wake) -> tuple[list[Event], bool]:
        """Return the events from a position on, and whether they are the last ones.

        ``wake`` is called, from any thread, when there are more. It is called once, and only if there were none.
        """
        with self._lock:
            news, over = self._events[position:], self._over.is_set()
            if not news and not over:
                self._waiting.append(wake)
        return [Event.model_validate_json(kept) if isinstance(kept, str) else kept for kept in news], over

    async def follow(self) -> AsyncIterator[Event]:
        """Yield the events from the first one on, as they arrive. Works in any event loop, at the caller's own pace."""
        loop, news, position, over = asyncio.get_running_loop(), asyncio.Event(), 0, False

        def wake() -> None:
            with suppress(RuntimeError):  # the follower's loop is closed
                loop.call_soon_threadsafe(news.set)

        while not over:
            news.clear()
            events, over = self.read(position, wake)
            for event in events:
                yield event
            position += len(events)
            if not events and not over:
                await news.wait()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of the stream, at most ``timeout`` seconds. Returns whether it has ended."""
        return self._over.wait(timeout)


def _wake(waiting: list[Wake]) -> None:
    for wake in waiting:
        wake()
