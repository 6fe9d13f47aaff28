"""The analytics of the store that this process has open."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from runtime.workbench import current
from session_store.analytics import Analytics
from session_store.store import Store

_known: WeakKeyDictionary[Store, Analytics] = WeakKeyDictionary()


def analytics() -> Analytics:
    """One for all tabs, so that they share what was computed."""
    store = current().store
    return _known.setdefault(store, Analytics(store))
