"""Opens stores by path and shares each among all session services of this process that name the same file."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from session_store.store import Store

_lock = threading.Lock()
_stores: dict[Path, tuple[Store, int]] = {}


def borrow(path: Path) -> Store:
    """Return the store of a file, opening it if needed. Call ``give_back`` when done."""
    path = Path(os.path.realpath(path))
    with _lock:
        store, users = _stores.get(path) or (Store(path), 0)
        _stores[path] = (store, users + 1)
        return store


def give_back(store: Store) -> None:
    """Close the store if no one else uses it."""
    with _lock:
        path = store.path
        _, users = _stores[path]
        if users > 1:
            _stores[path] = (store, users - 1)
        else:
            del _stores[path]
            store.close()
