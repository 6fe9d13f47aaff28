"""Stops a query that runs in one thread from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Passed to a query; ``set()`` ends the query, whether or not it is running yet. Thread-safe.

    ``asker`` identifies the party that waits for the query, so that everyone gets a turn."""

    def __init__(self, asker: str = "") -> None:
        self.asker = asker
        self._lock = threading.Lock()
        self._is_set = False
        self._actions: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        """Whether a stop was requested."""
        return self._is_set

    def set(self) -> None:
        """Stop every query that runs with this object now or starts with it later."""
        with self._lock:
            self._is_set = True
            actions = list(self._actions)
        for action in actions:
            action()

    @contextmanager
    def calls(self, action: Callable[[], None]) -> Iterator[None]:
        """Within this block a stop calls ``action``, at once if it was already requested."""
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
