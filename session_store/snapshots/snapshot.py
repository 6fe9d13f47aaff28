"""Snapshots: the whole history as a file that other programs can open, made while conversations continue.

The store's main file changes only at a checkpoint: writes in between go to the log beside it. So after a checkpoint, it
is enough to delay the next one while another process copies the file. Appends and reads continue as usual.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import duckdb

from session_store.engine.database import Database
from session_store.engine.migrations import migrate
from session_store.errors import StoreError, StoreFullError
from session_store.phrases import size_text
from session_store.sessions.log import SessionLog

_WORKER: Final = Path(__file__).with_name("worker.py")
_NEEDED: Final = ("PATH", "HOME", "USERPROFILE", "LOCALAPPDATA", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR")
_ROOM: Final = 1.3
"""Free disk space that is required, as a multiple of the store's size."""
_ROWS: Final = 50_000
READ_ONLY: Final = 0o444

Progress = Callable[[str, float], None]
"""Called with the current step, and the share (of 1) that is done."""


class SnapshotError(StoreError):
    """A snapshot could not be created, or does not exist."""


class SnapshotFullError(SnapshotError, StoreFullError):
    """There is not enough disk space for a copy."""


class SnapshotForm(StrEnum):
    """The format of a snapshot: one DuckDB file, or a ZIP archive with a Parquet file for each view."""

    DUCKDB = "duckdb"
    PARQUET = "parquet"

    @property
    def suffix(self) -> str:
        """The file name suffix of this format."""
        return ".duckdb" if self is SnapshotForm.DUCKDB else ".parquet.zip"


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A finished snapshot. ``size`` is in bytes, ``taken_at`` in Unix seconds; it shows the history at that moment,
    without deleted conversations. ``seconds`` is how long it took, ``paused`` how long writes waited during that
    time."""

    path: Path
    form: SnapshotForm
    size: int
    conversations: int
    messages: int
    taken_at: float
    seconds: float
    paused: float


class StoredSnapshots:
    """The part of the store that creates snapshots."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def take(
        self, path: str | Path, *, form: SnapshotForm = SnapshotForm.DUCKDB, progress: Progress = lambda *_: None
    ) -> SnapshotInfo:
        """Write the whole current history to ``path``, which appears once it is complete. Blocks until then; other
        reads and writes continue.

        Raises:
            SnapshotError: the file already exists, or cannot be written completely.
            StoreClosedError: the store was closed.
        """
        return _take(self._log.database, Path(path).absolute(), form, progress)


def _take(database: Database, target: Path, form: SnapshotForm, progress: Progress) -> SnapshotInfo:
    begin = time.perf_counter()
    unfinished = target.with_name(f".{target.name}.unfinished")
    copy = unfinished if form is SnapshotForm.DUCKDB else target.with_name(f".{target.name}.copying")
    request = {"source": None, "database": str(copy), "target": str(unfinished)}
    try:
        _require_room(database.path, target, unfinished)
        with _Worker() as worker:
            with database.still() as still:
                progress("Copying", 0.0)
                taken_at = time.time()
                answer = worker.ask(request | {"source": str(database.path), "log_bytes": still.log_bytes})
            if answer.get("failed") == "held":
                taken_at = time.time()
                copy_rows(database, copy, progress)
                answer = worker.ask(request)
            while "size" not in answer:
                if "failed" in answer:
                    raise _failure(answer, target)
                progress(f"Writing {answer['view']}" if "view" in answer else "Checking", answer.get("share", 0.5))
                answer = worker.answer()
        unfinished.chmod(READ_ONLY)
        unfinished.replace(target)
    except OSError as error:
        raise SnapshotError(f"The snapshot {target} cannot be written: {error.strerror or error}.") from error
    finally:
        for left in (unfinished, copy, copy.with_name(copy.name + ".wal")):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
    progress("Done", 1.0)
    return SnapshotInfo(
        path=target,
        form=form,
        size=answer["size"],
        conversations=answer["conversations"],
        messages=answer["messages"],
        taken_at=taken_at,
        seconds=time.perf_counter() - begin,
        paused=still.paused,
    )


def copy_rows(database: Database, target: Path, progress: Progress = lambda *_: None) -> None:
    """Copy the store row by row, for systems on which no other process may read an open file. Takes about 10 s for a
    million messages."""
    target.unlink(missing_ok=True)
    with database.reading() as source, duckdb.connect(str(target)) as copy:
        migrate(copy, target)
        source.begin()
        tables = _tables(source)
        for done, table in enumerate(tables):
            progress(f"Copying {table}", done / len(tables) / 2)
            copy.register("rows", source.sql(f'select * from main."{table}"').to_arrow_reader(_ROWS))
            if table in _tables(copy):
                copy.execute(f'delete from main."{table}"')
                copy.execute(f'insert into main."{table}" by name from rows')
            else:
                copy.execute(f'create table main."{table}" as from rows')
            copy.unregister("rows")
        source.rollback()


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'main' and table_type = 'BASE TABLE' "
        "order by table_name"
    )
    return [row[0] for row in found.fetchall()]


def _require_room(source: Path, target: Path, unfinished: Path) -> None:
    if target.exists():
        raise SnapshotError(f"{target} exists already. Choose another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished.unlink(missing_ok=True)
    unfinished.touch()
    needed = int(_ROOM * source.stat().st_size)
    if shutil.disk_usage(target.parent).free < needed:
        raise _full(target, needed)


def _full(target: Path, needed: int | None = None) -> SnapshotError:
    size = f"about {size_text(needed)}" if needed else "some space"
    return SnapshotFullError(
        f"The disk of {target.parent} has too little free space for a snapshot. Free {size} and try again."
    )


def _failure(answer: dict[str, Any], target: Path) -> SnapshotError:
    if answer["failed"] == "full":
        return _full(target)
    return SnapshotError(f"The snapshot {target} was not made: {answer['message']}")


class _Worker:
    """The process that copies the file. It ends with the block."""

    def __enter__(self) -> _Worker:
        environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of this package
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | {"PYTHONUTF8": "1"},
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the first message about it."""
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Return the next message."""
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            return {"failed": "error", "message": "the process that copies has ended. Try it again."}
        answer: dict[str, Any] = json.loads(line)
        return answer
