"""Keeps one network client per event loop, because a client belongs to the loop on which it was first used."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class PerLoop(Generic[T]):
    """One value for each running event loop, forgotten with the loop."""

    def __init__(self) -> None:
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T | None:
        """Return the running loop's value, if it has one."""
        return self._values.get(asyncio.get_running_loop())

    def set(self, value: T) -> None:
        """Set the running loop's value."""
        self._values[asyncio.get_running_loop()] = value
