"""Checks the log beside the database file before DuckDB opens it: DuckDB silently drops what it cannot read."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import BinaryIO, Final

from session_store.errors import StoreDamagedError, StoreNotWritableError
from session_store.phrases import size_text

_BEGIN: Final = b"d\x00be\x00"
"""The start of a DuckDB log: an entry with the version of its format."""
_VERSION: Final = 2
"""The format version in which a size and a checksum precede each entry."""
_FRAME: Final = struct.Struct("<QQ")
_FLUSH: Final = b"d\x00d\xff\xff"
"""The entry that ends a commit."""
_LONGEST_HEADER: Final = 200
MOST_INCOMPLETE: Final = 1_000_000_000
"""The most bytes that may follow the last complete commit."""


def incomplete_part(path: Path) -> bytes:
    """Return what follows the last complete commit in the log of the database ``path``, which is not open yet. DuckDB
    drops that part.

    Raises:
        StoreDamagedError: DuckDB would delete the log instead of reading it.
        StoreNotWritableError: the log cannot be read.
    """
    log = path.with_name(path.name + ".wal")
    try:
        if os.path.lexists(log) and not log.is_file():
            raise StoreDamagedError(f"{log} is not a regular file, so {path} has no log. Move it away.")
        if not log.is_file() or not (size := log.stat().st_size):
            return b""
        if not path.exists():
            raise StoreDamagedError(
                f"{path} is missing, but its log {log.name} is here and may hold what was said last. Nothing was "
                f"changed. Put {path.name} back beside it; to begin with an empty database, move {log.name} away."
            )
        with log.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
            end = _end_of_commits(file, size, head)
            if size - end > MOST_INCOMPLETE:
                raise StoreDamagedError(
                    f"{log} holds {size_text(size - end)} that are no changes to {path.name}: it was overwritten or "
                    f"damaged. Nothing was changed. Restore it or a backup of both files; to go on without what "
                    f"{path.name} does not hold yet, move the log away."
                )
            file.seek(end)
            tail = file.read()
        if head[: len(_BEGIN)] != _BEGIN[: len(head)]:
            raise StoreDamagedError(
                f"{log} is not a log that DuckDB can read: it was overwritten or damaged. Nothing was changed. Restore"
                f" it or a backup of both files; to go on without what {path.name} does not hold yet, move the log "
                "away."
            )
    except OSError as error:
        raise StoreNotWritableError(
            f"{log} cannot be read: {error.strerror or error}. Give this user read and write permission for it."
        ) from error
    return tail


def keep_incomplete(path: Path, tail: bytes) -> str:
    """Save what ``incomplete_part`` found in a separate file. Returns a sentence that says so.

    Raises:
        StoreNotWritableError: the file cannot be written; then the database must not be written either.
    """
    target = path.with_name(f"{path.name}.incomplete-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    try:
        target.write_bytes(tail)
    except OSError as error:
        raise StoreNotWritableError(
            f"The log of {path} ends in the middle of a change, and that part cannot be kept in {target.name}: "
            f"{error.strerror or error}. Nothing was changed. Free some space, or give this user write permission."
        ) from error
    return (
        f"The log of {path.name} ended in the middle of a change, as it does when the program or the computer dies "
        f"while it writes. Everything before was recovered; the incomplete part was kept in {target.name}."
    )


def _end_of_commits(log: BinaryIO, size: int, head: bytes) -> int:
    """Return where the last complete commit ends; the end of the log if its format is unknown."""
    place = _end_of_header(head)
    if place is None:
        return size
    end = place
    while place + _FRAME.size <= size:
        log.seek(place)
        frame = log.read(_FRAME.size + len(_FLUSH))
        length, _ = _FRAME.unpack_from(frame)
        place += _FRAME.size + length
        if length < len(_FLUSH) or place > size:
            break
        if length == len(_FLUSH) and frame[_FRAME.size :] == _FLUSH:
            end = place
    return end


def _end_of_header(head: bytes) -> int | None:
    """Return where the header ends. It holds the version, the database's ID as a list of numbers, and a counter of how
    often the log was restarted."""
    place = len(_BEGIN)
    if head[place : place + 1] != bytes([_VERSION]):
        return None
    place += 1
    if head[place : place + 2] == b"f\x00":
        place += 3
        for _ in range(head[place - 1] if place <= len(head) else 0):
            place = _behind_number(head, place)
    if head[place : place + 2] == b"g\x00":
        place = _behind_number(head, place + 2)
    return place + 2 if head[place : place + 2] == b"\xff\xff" else None


def _behind_number(head: bytes, place: int) -> int:
    """Return the position after a number, which has seven bits per byte; the eighth says that another byte follows."""
    while place < len(head) and head[place] & 0x80:
        place += 1
    return place + 1
