"""Copies of the store's file for other processes to query: current, or a few seconds old, and removed once they are no
longer needed.

While the file is open here, DuckDB lets no other process open it. A copy requires that the file does not change in the
meantime (see ``Database.still``); appends and reads continue.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from session_store.engine.database import Database
from session_store.snapshots.snapshot import SnapshotError, SnapshotFullError, copy_rows

_OWNER_ONLY: Final = 0o700
_CHUNK: Final = 64 * 1024 * 1024
_QUICK_SECONDS: Final = 0.1
"""If copying takes no longer than this, each query gets a new copy after any change."""

_TIMES_ITS_COST: Final = 10.0
_OLDEST_SECONDS: Final = 5.0
_ROOM: Final = 1.1


@dataclass(frozen=True, slots=True)
class CurrentCopy:
    """A copy of the whole store as it was at ``taken_at`` (Unix seconds), to be opened read-only."""

    path: Path
    taken_at: float


@dataclass(slots=True)
class _Kept:
    copy: CurrentCopy
    state: tuple[int, ...]
    """The state of the store's files when the copy was made."""

    made_at: float
    seconds: float
    readers: int = 0


class CurrentCopies:
    """The copies of one store, in a separate folder beside it. Thread-safe; makes only one copy at a time."""

    def __init__(self, database: Database, wake: Callable[[], object]) -> None:
        """``wake`` makes the writer check whether it should hold still. Copies that a killed process left are
        removed."""
        self._database = database
        self._wake = wake
        self._folder = database.path.with_name(f".{database.path.name}.copies")
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._kept: _Kept | None = None
        self._number = 0
        self._file: int | None = None
        self._empty()

    @contextlib.contextmanager
    def current(self) -> Iterator[CurrentCopy]:
        """Lend a copy that stays while the block runs. It has everything that was stored when it was requested, unless
        copying is slow: then it may be up to ten times as old as copying takes, but at most five seconds.

        Raises:
            SnapshotError: the copy cannot be written.
            StoreClosedError: the store was closed.
        """
        kept = self._taken()
        try:
            yield kept.copy
        finally:
            with self._lock:
                kept.readers -= 1
                is_over = kept.readers == 0 and kept is not self._kept
            if is_over:
                _remove(kept.copy.path)

    def close(self) -> None:
        """Remove all copies. Call this when nothing writes any more and the database is closed."""
        with self._lock:
            self._kept = None
            if self._file is not None:
                os.close(self._file)
                self._file = None
        self._empty()

    def _taken(self) -> _Kept:
        with self._making:
            self._database.require_open()
            kept = self._kept
            if kept is None or not self._is_current(kept):
                replaced, kept = kept, self._made()
                with self._lock:
                    self._kept = kept
                    is_over = replaced is not None and replaced.readers == 0
                if replaced is not None and is_over:
                    _remove(replaced.copy.path)
            with self._lock:
                kept.readers += 1
            return kept

    def _is_current(self, kept: _Kept) -> bool:
        if not kept.copy.path.exists():
            return False
        may_be_old = kept.seconds > _QUICK_SECONDS
        if may_be_old and time.monotonic() - kept.made_at < min(_TIMES_ITS_COST * kept.seconds, _OLDEST_SECONDS):
            return True
        return kept.state == self._state()

    def _state(self) -> tuple[int, ...]:
        """Return a value that changes with every commit, because a commit writes to the log or to the file."""
        return (*_facts(self._database.path), *_facts(_log_of(self._database.path)))

    def _made(self) -> _Kept:
        begin = time.monotonic()
        self._number += 1
        target = self._folder / f"copy-{self._number}.duckdb"
        try:
            self._folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
            self._require_room()
            with self._database.still(self._wake) as still:
                taken_at, state = time.time(), self._state()
                is_copied = self._copy(target, still.log_bytes)
            if not is_copied:
                taken_at, state = time.time(), self._state()
                copy_rows(self._database, target)
        except BaseException as error:
            _remove(target)
            if not isinstance(error, (OSError, duckdb.Error)):
                raise
            reason = getattr(error, "strerror", None) or error
            raise SnapshotError(f"The history could not be copied to {self._folder}: {reason}.") from error
        return _Kept(CurrentCopy(target, taken_at), state, begin, time.monotonic() - begin)

    def _copy(self, target: Path, log_bytes: int) -> bool:
        """Copy the file. Returns whether that was possible: some systems do not allow an open file to be read."""
        try:
            if self._file is None:
                # Kept open: closing it would release DuckDB's lock on the file.
                self._file = os.open(self._database.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            _copy_open(self._file, os.fstat(self._file).st_size, target)
        except PermissionError:
            return False
        if log_bytes:
            log = os.open(_log_of(self._database.path), os.O_RDONLY | getattr(os, "O_BINARY", 0))
            try:
                _copy_open(log, log_bytes, _log_of(target))
            finally:
                os.close(log)
        return True

    def _require_room(self) -> None:
        needed = int(_ROOM * self._database.path.stat().st_size)
        missing = needed - shutil.disk_usage(self._folder).free
        if missing > 0:
            raise SnapshotFullError(
                f"There is not enough disk space in {self._folder.parent} to copy the history for queries. Free about "
                f"{math.ceil(missing / 1e6):,} MB and try again. Nothing is lost."
            )

    def _empty(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _copy_open(source: int, size: int, target: Path) -> None:
    """Copy the first bytes of an open file, without moving the data where the file system can."""
    made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        offset = 0
        while offset < size:
            copied = _copy_piece(source, made, min(_CHUNK, size - offset), offset)
            if copied == 0:
                raise OSError(f"{target.name} is shorter than what it is a copy of")
            offset += copied
    finally:
        os.close(made)


def _copy_piece(source: int, target: int, count: int, offset: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, count, offset_src=offset, offset_dst=offset)
        except OSError:  # some file systems cannot copy between each other; any other error recurs below
            pass
    os.lseek(source, offset, os.SEEK_SET)
    os.lseek(target, offset, os.SEEK_SET)
    return os.write(target, os.read(source, count))


def _facts(path: Path) -> tuple[int, int, int]:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return 0, 0, 0
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns) if facts.st_size else (0, 0, 0)


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _remove(path: Path) -> None:
    for one in (path, _log_of(path)):
        with contextlib.suppress(OSError):  # still open on Windows; it is removed with the folder
            one.unlink(missing_ok=True)
