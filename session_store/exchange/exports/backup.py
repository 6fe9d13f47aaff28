"""Copies the store's file as of one moment and checks the copy."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import duckdb

from session_store.engine.database import claim, release
from session_store.engine.faults import explain
from session_store.exchange.errors import BackupError
from session_store.files import BadFileError, require_regular


def backup(source: Path, target: Path, *, overwrite: bool = False) -> int:
    """Copy the store's file with everything acknowledged so far. No process may have it open.

    Args:
        source: the file.
        target: path of the copy. It appears once the copy is complete and has been opened once.
        overwrite: whether to replace an existing file.

    Returns the size of the copy in bytes.

    Raises:
        StoreLockedError: a process has the file open; the message names it.
        StoreDamagedError: it is damaged.
        BackupError: there is no such file, or the copy cannot be made.
    """
    try:
        require_regular(source)
    except FileNotFoundError:
        raise BackupError(f"There is no database {source} to make a backup of.") from None
    except BadFileError as error:
        raise BackupError(f"The database {source} cannot be used: {error}.") from error
    if os.path.isdir(target):  # noqa: PTH112 - raises nothing
        raise BackupError(f"{target} is a folder. Name a file in it, for instance {target / source.name}.")
    if os.path.lexists(target) and not overwrite:
        raise BackupError(f"{target} exists already. Choose another name, or overwrite it (--overwrite).")
    if os.path.realpath(target) == os.path.realpath(source):
        raise BackupError(f"{target} is the database itself. Choose another name.")
    claim(source)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, unfinished)
        size = unfinished.stat().st_size
        unfinished.replace(target)
    except OSError as error:
        raise BackupError(f"The backup {target} cannot be written: {error.strerror or error}.") from error
    finally:
        release(source)
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return size


def _copy(source: Path, copy: Path) -> None:
    log = source.with_name(source.name + ".wal")
    try:
        # Moves what is still in the log beside the file into the file.
        with duckdb.connect(str(source), config={"autoinstall_known_extensions": False}) as connection:
            connection.execute("checkpoint")
        # Keeps the file open for reading, so that no process starts writing meanwhile.
        with duckdb.connect(str(source), read_only=True):
            before = source.stat()
            shutil.copyfile(source, copy)
            _to_disk(copy)
            after = source.stat()
    except duckdb.Error as error:
        raise explain(error, source) from error
    if log.exists() or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise BackupError(f"{source} was changed while it was copied. Stop what uses it and try again.")
    try:
        with duckdb.connect(str(copy), read_only=True) as connection:
            connection.execute("select count(*) from sessions").fetchall()
    except duckdb.Error as error:
        raise explain(error, copy) from error


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
