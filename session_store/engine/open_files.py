"""Tracks which database files this process has open: DuckDB would open one twice, and two writers would clash."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from session_store.errors import StoreLockedError

_lock = threading.Lock()
_open: set[str] = set()


def claim(path: Path) -> None:
    """Record that ``path`` is open.

    Raises:
        StoreLockedError: it is already open.
    """
    with _lock:
        if os.path.realpath(path) in _open:
            raise StoreLockedError(
                f"{path} is in use by this very process (PID {os.getpid()}). Share the open store instead of opening "
                "the file again."
            )
        _open.add(os.path.realpath(path))


def release(path: Path) -> None:
    """Record that ``path`` was closed."""
    with _lock:
        _open.discard(os.path.realpath(path))
