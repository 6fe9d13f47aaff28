"""A separate process that copies the store's file, and prepares the copy for sharing.

It has to be another process: closing a second descriptor of the file would release the lock that DuckDB holds through
the first. Reads requests (lines of JSON) from its input, and prints a line of JSON for each step. Imports nothing from
this project, so that it starts quickly.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb

HELD = "held"
"""The system lets no other process read the file while it is open."""
FULL = "full"
DELETED = "session_no in (select session_no from sessions where deleted_at is not null)"


def say(**facts: object) -> None:
    """Send a message to the parent."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def copy(source: Path, log_bytes: int, target: Path) -> None:
    """Copy the file, and the part of the log beside it that belongs to this moment."""
    shutil.copyfile(source, target)
    if log_bytes:
        log, log_copy = (path.with_name(path.name + ".wal") for path in (source, target))
        with log.open("rb") as begun, log_copy.open("wb") as prefix:
            prefix.write(begun.read(log_bytes))


def clean(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove everything that belongs to deleted conversations, such as results and parts of unfinished answers."""
    tables = connection.execute(
        "select table_name from information_schema.columns where table_schema = 'main' and column_name = 'session_no' "
        "and table_name != 'sessions'"
    ).fetchall()
    connection.begin()
    for (table,) in tables:
        connection.execute(f'delete from main."{table}" where {DELETED}')
    connection.execute("delete from sessions where deleted_at is not null")
    connection.execute("delete from result_data where result_id not in (select id from results)")
    connection.execute("delete from turn_chunks where turn_id not in (select id from turns)")
    connection.commit()
    connection.execute("checkpoint")


def contents(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the copy's conversations and messages."""
    conversations, messages = (
        connection.execute(f"select count(*) from history.{view}").fetchall()[0][0]
        for view in ("conversations", "messages")
    )
    return {"conversations": conversations, "messages": messages}


def as_parquet(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Write each view as a Parquet file into one archive."""
    views = [
        row[0]
        for row in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'history' order by table_name"
        ).fetchall()
    ]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for done, view in enumerate(views):
            say(view=view, share=done / len(views))
            part = target.with_name(f"{target.name}.{view}")
            try:
                connection.execute(
                    f"copy (select * from history.\"{view}\") to '{_quoted(part)}' (format parquet, compression zstd)"
                )
                archive.write(part, f"{view}.parquet")
            finally:
                part.unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _reason(error: Exception) -> str | None:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FULL
    if isinstance(error, duckdb.Error) and any(words in str(error).lower() for words in ("no space", "not enough")):
        return FULL
    return None


def work(request: dict[str, Any]) -> None:
    """Process a request."""
    database, target = Path(request["database"]), Path(request["target"])
    if request["source"]:
        try:
            copy(Path(request["source"]), request["log_bytes"], database)
        except PermissionError as error:
            say(failed=HELD, message=str(error))
            return
    say(copied=True)
    with duckdb.connect(str(database), config={"autoinstall_known_extensions": False}) as connection:
        clean(connection)
        facts = contents(connection)
        if target != database:
            as_parquet(connection, target)
    _to_disk(target)
    say(**facts, size=target.stat().st_size)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)  # running turns take precedence
    for line in sys.stdin:
        try:
            work(json.loads(line))
        except (OSError, duckdb.Error) as problem:
            say(failed=_reason(problem) or "error", message=str(problem))
