"""The analytics of the store that this process has open."""

from __future__ import annotations

from functools import lru_cache

from colloquy.runtime.application import current
from session_store.analytics import Analytics
from session_store.store import Store


def analytics() -> Analytics:
    """Returns a single instance for all tabs, so that they share what was computed."""
    return analytics_of(current().store)


@lru_cache(maxsize=1)
def analytics_of(store: Store) -> Analytics:
    """Returns the analytics of a store; only the last one is cached."""
    return Analytics(store)
