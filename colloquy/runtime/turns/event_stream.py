"""What a turn's agent gives out from a start to its end or its next pause, for whoever follows it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from google.adk.events.event import Event

Wake = Callable[[], None]


class EventStream:
    """The ADK events of one stretch of a turn, in order. Written by one thread at a time, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event | str] = []  # a partial one as its JSON, a tenth of the object's size
        self._waiting: list[Wake] = []
        self._over = threading.Event()
        self.error: BaseException | None = None
        """What its agent raised, which ended the turn."""

    def add(self, event: Event) -> None:
        """Take the next event, and wake who waits for it."""
        kept = event.model_dump_json(exclude_none=True, fallback=repr) if event.partial else event
        with self._lock:
            self._events.append(kept)
            waiting, self._waiting = self._waiting, []
        _wake(waiting)

    def end(self) -> None:
        """Nothing more comes."""
        with self._lock:
            self._over.set()
            waiting, self._waiting = self._waiting, []
        _wake(waiting)

    def read(self, position: int, wake: Wake) -> tuple[list[Event], bool]:
        """The events from a position on, and whether these are the last.

        ``wake`` is called, from any thread, when there is more. It is called once, and only if there was nothing.
        """
        with self._lock:
            news, over = self._events[position:], self._over.is_set()
            if not news and not over:
                self._waiting.append(wake)
        return [Event.model_validate_json(kept) if isinstance(kept, str) else kept for kept in news], over

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds. Returns whether it came."""
        return self._over.wait(timeout)


def _wake(waiting: list[Wake]) -> None:
    for wake in waiting:
        wake()
