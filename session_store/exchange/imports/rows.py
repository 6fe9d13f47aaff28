"""Collects the rows that belong to sessions and inserts them with one statement per table."""

from __future__ import annotations

from typing import Any, Final

from session_store.engine.transaction import Transaction

TABLES: Final = {
    "sessions": {
        "session_no": "bigint",
        "app_name": "varchar",
        "user_id": "varchar",
        "id": "varchar",
        "title": "varchar",
        "title_source": "varchar",
        "model": "varchar",
        "saved": "boolean",
        "created_at": "double",
        "updated_at": "double",
        "seen_at": "double",
        "state": "varchar",
        "workspace_id": "varchar",
        "terminated_at": "double",
        "note": "varchar",
        "branched_from": "varchar",
        "branched_at": "varchar",
    },
    "turns": {
        "id": "varchar",
        "session_no": "bigint",
        "status": "varchar",
        "message": "varchar",
        "model": "varchar",
        "created_at": "double",
        "started_at": "double",
        "first_token_at": "double",
        "ended_at": "double",
        "input_tokens": "bigint",
        "output_tokens": "bigint",
        "error": "varchar",
        "rewound": "boolean",
        "copied": "boolean",
    },
    "tags": {
        "session_no": "bigint",
        "tag": "varchar",
    },
    "feedback": {
        "session_no": "bigint",
        "event_id": "varchar",
        "score": "tinyint",
        "comment": "varchar",
        "given_at": "double",
    },
    "results": {
        "id": "varchar",
        "session_no": "bigint",
        "turn_id": "varchar",
        "call_id": "varchar",
        "kind": "varchar",
        "title": "varchar",
        "sql": "varchar",
        "spec": "varchar",
        "row_count": "bigint",
        "note": "varchar",
        "seconds": "double",
        "file_name": "varchar",
        "file_version": "integer",
        "mime_type": "varchar",
        "size": "bigint",
        "created_at": "double",
    },
}
"""The columns that are written, and their types."""


class Rows:
    """Rows for ``TABLES`` waiting to be inserted: one statement costs as much as hundreds of rows."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}

    def add(self, table: str, *rows: tuple[Any, ...]) -> None:
        """Keep rows for later, with their values in the order of the table's columns here."""
        self._rows[table] += rows

    def insert(self, transaction: Transaction) -> None:
        """Insert all rows."""
        for table, columns in TABLES.items():
            if rows := self._rows[table]:
                lists = ", ".join(f"unnest(${n}::{kind}[])" for n, kind in enumerate(columns.values(), start=1))
                transaction.execute(
                    f"insert into {table} ({', '.join(columns)}) select {lists}", [*map(list, zip(*rows, strict=True))]
                )
