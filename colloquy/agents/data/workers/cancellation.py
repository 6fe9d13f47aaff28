"""Cancels a query that runs in one thread from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancellation:
    """Passed to a query; ``cancel()`` ends the query, whether or not it is running yet. Thread-safe.

    ``client_id`` identifies the party that waits for the query, so that everyone gets a turn."""

    def __init__(self, client_id: str = "") -> None:
        self.client_id = client_id
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._actions: list[Callable[[], None]] = []

    @property
    def is_cancelled(self) -> bool:
        """Whether the query is to end."""
        return self._is_cancelled

    def cancel(self) -> None:
        """End every query that runs with this object now or starts with it later."""
        with self._lock:
            self._is_cancelled = True
            actions = list(self._actions)
        for action in actions:
            action()

    @contextmanager
    def on_cancel(self, action: Callable[[], None]) -> Iterator[None]:
        """Within this block cancelling calls ``action``, at once if that happened already."""
        with self._lock:
            self._actions.append(action)
            is_cancelled = self._is_cancelled
        if is_cancelled:
            action()
        try:
            yield
        finally:
            with self._lock:
                self._actions.remove(action)
