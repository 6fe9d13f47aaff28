"""How a query that runs in one thread is stopped from another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Handed to a query; ``set()`` ends it, whether it runs already or not. Thread-safe.

    ``asker`` is who waits for the query, so that everybody gets a turn."""

    def __init__(self, asker: str = "") -> None:
        self.asker = asker
        self._lock = threading.Lock()
        self._is_set = False
        self._actions: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        """Whether somebody asked to stop."""
        return self._is_set

    def set(self) -> None:
        """Stop what runs with this, and whatever begins with it later."""
        with self._lock:
            self._is_set = True
            actions = list(self._actions)
        for action in actions:
            action()

    @contextmanager
    def calls(self, action: Callable[[], None]) -> Iterator[None]:
        """Within this block a stop calls ``action``; at once if it was asked for before."""
        with self._lock:
            self._actions.append(action)
            is_set = self._is_set
        if is_set:
            action()
        try:
            yield
        finally:
            with self._lock:
                self._actions.remove(action)
