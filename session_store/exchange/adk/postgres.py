"""ADK session databases in PostgreSQL."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import rows, types

from session_store.exchange.adk.tables import AdkTables, Row
from session_store.exchange.errors import ImportRefusedError

SECONDS = 10
"""How long to wait for a server's first answer."""

_SECRET = re.compile("pass|secret|key")
_PARAMETER = re.compile(r":(\w+)")


class AdkPostgres(AdkTables):
    """An open database, read-only and as of one moment. Use it as a context manager."""

    order = "timestamp, ctid"
    trusts_updates = False

    def __init__(self, url: str) -> None:
        """Connect to ``postgresql://user:password@host:port/database``.

        Raises:
            ImportRefusedError: it cannot be reached, or is not an ADK session database. No message contains the
                password.
        """
        super().__init__()
        self._numbers = itertools.count()
        self._name, self._secrets = _taken_apart(url)
        with self.reading():
            self._connection = psycopg.connect(url, connect_timeout=SECONDS, row_factory=rows.dict_row)
        try:
            with self.reading():
                self._connection.read_only = True
                self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                for kind in ("json", "jsonb"):
                    # Read as text and parsed later, where an error can name its place.
                    self._connection.adapters.register_loader(kind, types.string.TextLoader)
                self._look()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> AdkPostgres:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, sql: str, **parameters: str) -> Iterator[Row]:
        """Returns the rows of a query one by one. The query is named so that its cursor stays on the server."""
        with self._connection.cursor(f"rows_{next(self._numbers)}") as cursor:
            cursor.execute(_PARAMETER.sub(r"%(\1)s", sql).encode(), parameters)
            yield from cursor

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Turns database errors during reading into ImportRefusedError with a readable message."""
        try:
            yield
        except (psycopg.Error, UnicodeError, ValueError) as error:
            said = " ".join(str(error).split())
            for secret in self._secrets:
                said = said.replace(secret, "•••")
            raise ImportRefusedError(f"{self._name} cannot be read: {said}. Nothing was imported.") from None

    def _look(self) -> None:
        found = self.rows(
            "select table_name, column_name from information_schema.columns where table_schema = any "
            "(current_schemas(false))"
        )
        columns: dict[str, set[str]] = {}
        for row in found:
            columns.setdefault(row["table_name"], set()).add(row["column_name"])
        self.check(f"{self._name} is a PostgreSQL database", columns)
        if "actions" in columns["events"]:  # later versions set all times themselves, in UTC
            self.zone = self._connection.info.timezone


def _taken_apart(url: str) -> tuple[str, list[str]]:
    """Returns what to call a database in messages, and the secrets that messages must not contain.

    Raises:
        ImportRefusedError: it is unclear where the password ends.
    """
    try:
        parts = urlsplit(url)
        is_plain = parts.port != 0 and ("@" in parts.netloc or "@" not in url) and "#" not in url
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ImportRefusedError(
            "The PostgreSQL URL cannot be read. It looks like postgresql://user:password@host:5432/database. Write "
            "special characters in the password as %2F (for /), %3A (for :), %40 (for @), %23 (for #)."
        )
    user, _, host = parts.netloc.rpartition("@")
    hidden = [value for name, value in parse_qsl(parts.query) if _SECRET.search(name.lower())]
    raw = [user.partition(":")[2], *hidden]
    secrets = {url, *raw, *map(unquote, raw)}
    return f"{parts.scheme}://{host}{parts.path}", sorted(filter(None, secrets), key=len, reverse=True)
