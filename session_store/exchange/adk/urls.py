"""Database URLs in SQLAlchemy's form, which ADK's ``--session_service_uri`` uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from session_store.exchange.adk.sqlite import AdkSqlite
from session_store.exchange.errors import ImportRefusedError

if TYPE_CHECKING:
    from session_store.exchange.adk.postgres import AdkPostgres

_URL: Final = re.compile(r"(?P<system>[a-z]+)(?:\+\w+)?://(?P<rest>.*)", re.DOTALL)


def database_at(url: str, alive: Callable[[], None] = lambda: None) -> AdkSqlite | AdkPostgres:
    """Open the session database of an ADK project, read-only.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://…``; a driver, as in
            ``sqlite+aiosqlite``, is ignored.
        alive: called repeatedly while a file is read; an exception from it ends the reading.

    Raises:
        ImportRefusedError: it is not such a URL, or its database cannot be read. No message contains a password.
    """
    found = _URL.fullmatch(url.strip())
    system = found["system"] if found else ""
    if found and system == "sqlite":
        return AdkSqlite(_file(found["rest"]), alive)
    if found and system in ("postgresql", "postgres"):
        return _postgres(f"postgresql://{found['rest']}")
    raise ImportRefusedError(
        "This is not the URL of a database that can be imported. It looks like sqlite:///sessions.db or "
        "postgresql://user:password@host:5432/database. Copy others with ADK's own tools into one of these first."
    )


def _postgres(url: str) -> AdkPostgres:
    try:
        from session_store.exchange.adk.postgres import AdkPostgres  # noqa: PLC0415 - the store works without the driver
    except ImportError as error:
        raise ImportRefusedError("To read PostgreSQL, install its driver: pip install 'psycopg[binary]'.") from error
    return AdkPostgres(url)


def _file(rest: str) -> Path:
    name = unquote(rest.partition("?")[0])
    path = Path(name.removeprefix("/"))
    if not name.startswith("/") or not name.strip("/") or "\0" in name:
        raise ImportRefusedError("This URL names no file. It looks like sqlite:///sessions.db.")
    return path
