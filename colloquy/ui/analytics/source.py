"""The analytics of the store that this process has open."""

from __future__ import annotations

from functools import lru_cache

from colloquy.runtime.application import current
from session_store.analytics import Analytics
from session_store.store import Store


def analytics() -> Analytics:
    """One for all tabs, so that they share what was computed."""
    return analytics_of(current().store)


@lru_cache(maxsize=1)
def analytics_of(store: Store) -> Analytics:
    """The analytics of a store, of the last one only."""
    return Analytics(store)
