"""Session databases of ADK in PostgreSQL."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import rows, types

from session_store.exchange.adk_tables import AdkTables, Row
from session_store.exchange.errors import ImportRefusedError

SECONDS = 10
"""How long a server may take to answer at first."""

_PARAMETER = re.compile(r":(\w+)")


class AdkPostgres(AdkTables):
    """An open database, read only and as of one moment. Use it as a context manager."""

    order = "timestamp, ctid"

    def __init__(self, url: str) -> None:
        """Connect to ``postgresql://user:password@host:port/database``.

        Raises:
            ImportRefusedError: it cannot be reached, or is no session database of ADK. No message has the password.
        """
        self._name = _without_password(url)
        with self.reading():
            self._connection = psycopg.connect(url, connect_timeout=SECONDS, row_factory=rows.dict_row)
        try:
            with self.reading():
                self._connection.read_only = True
                self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                for kind in ("json", "jsonb"):
                    # As text: what it stands for is found out where errors get the name of their place.
                    self._connection.adapters.register_loader(kind, types.string.TextLoader)
                self._look()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> AdkPostgres:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, sql: str, **parameters: str) -> Sequence[Row]:
        """What a query gives."""
        return self._connection.execute(_PARAMETER.sub(r"%(\1)s", sql).encode(), parameters).fetchall()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Makes words of what goes wrong while it is read: ImportRefusedError."""
        try:
            yield
        except (psycopg.Error, UnicodeError, ValueError) as error:
            said = " ".join(str(error).split())
            raise ImportRefusedError(f"{self._name} cannot be read: {said}. Nothing was imported.") from None

    def _look(self) -> None:
        found = self.rows(
            "select table_name, column_name from information_schema.columns where table_schema = any "
            "(current_schemas(false))"
        )
        tables = {row["table_name"] for row in found}
        columns = {row["column_name"] for row in found if row["table_name"] == "events"}
        self.check(f"{self._name} is a PostgreSQL database", tables, columns)


def _without_password(url: str) -> str:
    return re.sub(r"(?<=//)[^/]*@|\?.*", "", url)
