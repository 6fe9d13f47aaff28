"""ADK session databases in SQLite files."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from session_store.exchange.adk.tables import TABLES, AdkTables, Row
from session_store.exchange.documents import require_file
from session_store.exchange.errors import ImportRefusedError
from session_store.limits import LARGEST_EVENT
from session_store.phrases import size_text

MAGIC: Final = b"SQLite format 3\x00"
SECONDS: Final = 120.0
"""How long SQLite may search for the next row. Checking a database of gigabytes on a slow disk takes a minute."""
_STEPS: Final = 100_000
"""Steps of SQLite's virtual machine between two checks of the clock: about a millisecond."""
_SAFE: Final = ("trusted_schema = off", "ignore_check_constraints = on")
"""A schema can call functions, even when the database is only being checked."""
_GENERATED: Final = (2, 3)
"""Codes in ``table_xinfo`` for generated columns: virtual and stored."""


class AdkSqlite(AdkTables):
    """An open database, read-only. Use it as a context manager."""

    order = "rowid"
    trusts_updates = True

    def __init__(self, path: Path, alive: Callable[[], None] = lambda: None) -> None:
        """Open the file. ``alive`` is called repeatedly while SQLite works; an exception from it ends the work.

        Raises:
            ImportRefusedError: the file is missing, damaged, or not an ADK session database.
        """
        super().__init__()
        self._path = path
        self._alive = alive
        self._since = 0.0
        self._ended: Exception | None = None
        """The exception that ended a query early."""
        require_file(path, "-wal", "-shm", "-journal")
        with self.reading():
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            self._connection.row_factory = _named
            self._connection.text_factory = self._decoded
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_EVENT)
            self._connection.set_progress_handler(self._is_over, _STEPS)
        try:
            with self.reading():
                for setting in _SAFE:
                    self._connection.execute(f"pragma {setting}")
                self._look()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> AdkSqlite:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, sql: str, **parameters: str) -> Iterator[Row]:
        """Returns the rows of a query."""
        self._since = time.monotonic()
        cursor = self._connection.execute(sql, parameters)
        while (row := cursor.fetchone()) is not None:
            yield row
            self._since = time.monotonic()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Turns database errors during reading into ImportRefusedError with a readable message."""
        try:
            yield
        except sqlite3.Error as error:
            if self._ended:
                raise self._ended from None
            if isinstance(error, sqlite3.DataError):  # one of SQLite's limits was exceeded
                raise ImportRefusedError(
                    f"{self._path} has a row of more than {size_text(LARGEST_EVENT)}. Nothing was imported. "
                    "Delete it from a copy of the database, and import that."
                ) from error
            raise ImportRefusedError(
                f"{self._path} cannot be read as an SQLite database: {error}. Nothing was imported."
            ) from error

    def _is_over(self) -> bool:
        """Whether a query must end. SQLite calls this and swallows any exception raised here."""
        try:
            self._alive()
        except Exception as error:  # noqa: BLE001 - raised again where the query was asked
            self._ended = error
        if time.monotonic() - self._since > SECONDS:
            self._ended = ImportRefusedError(
                f"{self._path} was not imported, because SQLite found no row in it for {SECONDS:.0f} seconds. Nothing "
                "was changed."
            )
        return self._ended is not None

    def _look(self) -> None:
        columns: dict[str, set[str]] = {}
        for row in self.rows(
            "select m.name as table_name, m.rootpage = 0 as computed, c.name as column_name, c.hidden "
            "from sqlite_master m, pragma_table_xinfo(m.name) c where m.type in ('table', 'view')"
        ):
            table, column = row["table_name"], row["column_name"]
            if table in TABLES and (row["computed"] or row["hidden"] in _GENERATED):
                what = f"{table}.{column} is a generated column" if not row["computed"] else f"{table} is no table"
                raise ImportRefusedError(
                    f"{self._path} was not imported: {what}, but computed while it is read, which ADK's databases are "
                    "not. Nothing was changed. Copy its rows into plain tables, and import these."
                )
            columns.setdefault(table, set()).add(column)
        self.check(f"{self._path} is an SQLite database", columns)
        damage = self.one("pragma quick_check(1)")["quick_check"]
        if damage != "ok":
            raise ImportRefusedError(
                f"{self._path} is damaged: {damage}. Nothing was imported. Repair it with SQLite's .recover, or take a "
                "backup of it."
            )

    def _decoded(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.notes.replaced("characters that are none")
            return data.decode(errors="replace")


def _named(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
