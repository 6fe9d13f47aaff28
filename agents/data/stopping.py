"""How a query that runs in one thread is stopped from another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

AGAIN: Final = 0.02
"""Seconds between two interruptions of the same work."""


class Stop:
    """Handed to a query; ``set()`` ends it, whether it runs already or not. Thread-safe."""

    def __init__(self) -> None:
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

    @contextmanager
    def interrupts(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Within this block a stop calls ``interrupt`` again and again: an engine forgets an interruption that comes
        between two statements."""
        over = threading.Event()
        one_at_a_time = threading.Lock()

        def until_over() -> None:
            while not over.is_set():
                with one_at_a_time:
                    if not over.is_set():
                        interrupt()
                over.wait(AGAIN)

        with self.calls(lambda: threading.Thread(target=until_over, name="interrupting", daemon=True).start()):
            try:
                yield
            finally:
                # Behind the block nothing is interrupted any more: what was used in it may be closed.
                with one_at_a_time:
                    over.set()
