"""Opens stores by path, and shares each of them among all session services of this process that name the same file."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

from session_store.errors import StoreError
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


SCHEME = "duckdb"


def path_of(address: str | os.PathLike[str]) -> Path:
    """Return the file that an address names.

    ``duckdb:///chats.duckdb`` is relative to the working directory, ``duckdb:////var/chats.duckdb`` is absolute, as in
    SQLAlchemy. Anything without that scheme is a path.

    Raises:
        StoreError: the URI names no file, or names a host.
    """
    text = os.fspath(address)
    if not text.startswith(f"{SCHEME}:"):
        return Path(text)
    parts = urlsplit(text)
    name = unquote(parts.path).removeprefix("/") if text.startswith(f"{SCHEME}://") else unquote(parts.path)
    if parts.netloc or not name:
        raise StoreError(
            f"{text} does not name a file. Write duckdb:///chats.duckdb for a file in the working directory, or "
            "duckdb:////var/lib/chats.duckdb for an absolute path."
        )
    return Path(name)
