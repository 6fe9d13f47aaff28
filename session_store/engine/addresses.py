"""Parses database addresses: a path, or a ``duckdb:`` URI as on a command line."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from session_store.errors import StoreError

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
