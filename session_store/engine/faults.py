"""Explains what went wrong with the database file, in words for the user."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from session_store.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreNotWritableError,
)
from session_store.files import BadFileError, look_at, open_regular

_HOLDER = re.compile(r"held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_FULL = ("no space left", "not enough space", "disk full", "file too large", "disk quota exceeded")
_LOCKED = ("could not set lock", "being used by another process")
_FORBIDDEN = ("permission denied", "read-only file system", "operation not permitted", "access is denied")
_BROKEN = ("input/output error", "stale file handle", "no such device", "data error (cyclic redundancy check)")
_SQLITE = b"SQLite format 3\x00"
_DUCKDB = b"DUCK"
"""From the ninth byte on."""
_DAMAGED = (
    "not a valid duckdb database",
    "checksum",
    "corrupt",
    "replaying wal",
    "serialization",
    "deserialize",
    "failed to load",
    "cannot read",
    "could not read",
    "extension",
)


def is_fatal(error: BaseException) -> bool:
    """Whether DuckDB refuses to continue with the open file after this error."""
    return isinstance(error, (duckdb.FatalException, duckdb.InternalException, duckdb.IOException))


def explain(error: duckdb.Error, path: Path) -> StoreError:
    """Return the project's error for one of DuckDB's about ``path``."""
    text = str(error).lower()
    if any(words in text for words in _FULL):
        return StoreFullError(
            f"The disk of {path.parent} is full, so nothing more can be saved in {path.name}. "
            "Everything saved before is safe. Free some space and try again."
        )
    if any(words in text for words in _LOCKED):
        return StoreLockedError(_locked(str(error), path))
    if any(words in text for words in _FORBIDDEN):
        return StoreNotWritableError(
            f"{path} cannot be written: {_first_line(error)} Give this user write permission for the file and its "
            "folder, or choose another data folder."
        )
    if any(words in text for words in _BROKEN):
        return StoreNotWritableError(
            f"{path} cannot be read or written, because its disk reports an error: {_first_line(error)} Everything "
            "saved before was acknowledged by the disk. Check the disk and its connection, and keep a backup."
        )
    if any(words in text for words in _DAMAGED):
        return _damaged(path, _first_line(error))
    return StoreError(f"The database {path} reported: {_first_line(error)}")


def other_kind(path: Path) -> StoreDamagedError | None:
    """Return the error for a file that is not a DuckDB database at all; None if it is one or does not exist. DuckDB
    itself would look for an extension that reads it. Only for files that this process does not have open: see
    ``require_regular``."""
    try:
        with open_regular(path) as file:
            head = file.read(len(_SQLITE))
    except (OSError, BadFileError):
        return None
    if head[8:12] == _DUCKDB:
        return None
    what = "is empty" if not head else "is an SQLite database" if head == _SQLITE else "is a file of another kind"
    return _damaged(path, f"it {what}.")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Explain what prevents writing files of our own.

    Raises:
        StoreFullError, StoreNotWritableError: nothing can be written to ``place``.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(error, place) or error from error


def unwritable(error: OSError, place: Path | None = None) -> StoreError | None:
    """Return the project's error for a system error that says that nothing can be written to ``place``; None for any
    other error."""
    where = place or (Path(str(error.filename)).parent if error.filename else None)
    if is_full(error):
        disk = f"The disk of {where}" if where else "The disk"
        return StoreFullError(
            f"{disk} is full, so this cannot be saved. Everything saved before is safe. Free some space and try again."
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO):
        return StoreNotWritableError(
            f"{where or 'The disk'} cannot be written: {error.strerror}. Give this user write permission, check the "
            "disk, or choose another data folder."
        )
    return None


def is_full(error: OSError) -> bool:
    """Whether the system says that there is no space left."""
    return error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def foreign(path: Path) -> StoreDamagedError:
    """Return the error for a DuckDB file that another program created."""
    return StoreDamagedError(
        f"{path} is a DuckDB file, but its tables are not those of this program. Nothing was changed. Choose another "
        "file, or move this one away."
    )


def unusable_path(path: Path) -> StoreError | None:
    """Create the folder of ``path``. Returns the error that says why no database can be there, or None."""
    try:
        mode = look_at(path).st_mode
        if stat.S_ISDIR(mode):
            why = f"is a folder. Name a file in it, for instance {path / 'colloquy.duckdb'}."
        else:
            why = "" if stat.S_ISREG(mode) else "is not a regular file. Move it away, or choose another data folder."
    except FileNotFoundError:
        why = ""
    except BadFileError as error:
        why = f"cannot be used: {error}. Mend that, or choose another data folder."
    if why:
        return StoreNotWritableError(f"{path} {why}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        return StoreNotWritableError(f"{path.parent} is a file, so it cannot hold a database. Choose a folder.")
    except NotADirectoryError:
        return StoreNotWritableError(f"A part of {path.parent} is a file, not a folder. Choose another data folder.")
    except OSError as error:
        return StoreNotWritableError(
            f"The folder {path.parent} cannot be created: {error.strerror}. Create it, or choose another one."
        )
    return None


def _damaged(path: Path, why: str) -> StoreDamagedError:
    return StoreDamagedError(
        f"{path} cannot be read as a DuckDB database: {why} Nothing was changed. Move it away together with "
        f"{path.name}.wal, if there is one. Then restore a backup, or start without one: a new database is created."
    )


def _locked(message: str, path: Path) -> str:
    holder = _HOLDER.search(message)
    if holder is None:
        who = "another process"
    elif int(holder["pid"]) == os.getpid():
        who = f"this very process (PID {holder['pid']})"
    else:
        who = f"{holder['program']} (PID {holder['pid']})"
    return f"{path} is in use by {who}. Only one process at a time can use it: end that one, or choose another file."


def _first_line(error: BaseException) -> str:
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line.rstrip(" .!") + "."
