"""Session databases of ADK in SQLite files."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from session_store.exchange.adk.tables import AdkTables, Row
from session_store.exchange.errors import ImportRefusedError
from session_store.exchange.imports.documents import require_file

MAGIC: Final = b"SQLite format 3\x00"


class AdkSqlite(AdkTables):
    """An open database, read only. Use it as a context manager."""

    order = "rowid"
    trusts_updates = True

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ImportRefusedError: it is not there, damaged, or no session database of ADK.
        """
        super().__init__()
        self._path = path
        require_file(path, "-wal", "-shm", "-journal")
        with self.reading():
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            self._connection.row_factory = _named
            self._connection.text_factory = self._decoded
        try:
            with self.reading():
                self._look()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> AdkSqlite:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, sql: str, **parameters: str) -> Sequence[Row]:
        """What a query gives."""
        return self._connection.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Makes words of what goes wrong while it is read: ImportRefusedError."""
        try:
            yield
        except sqlite3.Error as error:
            raise ImportRefusedError(
                f"{self._path} cannot be read as an SQLite database: {error}. Nothing was imported."
            ) from error

    def _look(self) -> None:
        damage = self.rows("pragma quick_check(1)")[0]["quick_check"]
        if damage != "ok":
            raise ImportRefusedError(
                f"{self._path} is damaged: {damage}. Nothing was imported. Repair it with SQLite's .recover, or take a "
                "backup of it."
            )
        columns: dict[str, set[str]] = {}
        for row in self.rows(
            "select m.name as table_name, c.name as column_name from sqlite_master m, pragma_table_info(m.name) c "
            "where m.type = 'table'"
        ):
            columns.setdefault(row["table_name"], set()).add(row["column_name"])
        self.check(f"{self._path} is an SQLite database", columns)

    def _decoded(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.notes.replaced("characters that are none")
            return data.decode(errors="replace")


def _named(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
