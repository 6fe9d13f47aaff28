"""The files of transcript logs: naming them, repairing what a crash left, and finding whose they are."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from colloquy.runtime.transcripts.lines import END, line, written
from session_store.files import BadFileError, open_regular
from session_store.folders import id_of, segment
from session_store.models import SessionKey

FIRST_LOOK = 4096
"""Bytes at the end of a file that most likely contain its last line."""

LONGEST_LOOK = 200_000_000

LONGEST_HEAD = 1_000_000
"""Bytes of the first line of a log."""

_NAME = re.compile(r"(?P<session>.+)-\d{8}T\d{6}Z(-\d+)?\.jsonl")


def create(folder: Path, session_id: str, workspace_id: str, data: bytes) -> Path:
    """Create a log with ``data`` in it. Raises OSError, and then leaves no file."""
    place = folder / segment(workspace_id)
    place.mkdir(parents=True, exist_ok=True)
    stem = f"{segment(session_id)}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in count(1):
        path = place / (f"{stem}.jsonl" if number == 1 else f"{stem}-{number}.jsonl")
        try:
            file = path.open("xb")
        except FileExistsError:
            continue
        try:
            with file:
                file.write(data)
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
        return path
    raise AssertionError("unreachable")


def append(path: Path, size: int, data: bytes) -> None:
    """Write ``data`` after the first ``size`` bytes of a log, replacing what a failed attempt left there.

    Raises OSError.
    """
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(data)


def logs_in(folder: Path) -> Iterator[Path]:
    """Return all logs."""
    return (path for path in folder.glob("*/*.jsonl") if path.is_file())


def logs_of(folder: Path, keys: Collection[SessionKey]) -> Iterator[Path]:
    """Return the logs of some sessions. A log only counts if its first line says that it is theirs."""
    wanted = {key.session_id.casefold() for key in keys}
    for path in logs_in(folder):
        if name := _NAME.fullmatch(path.name):
            session_id = id_of(name["session"])
            if (session_id is None or session_id.casefold() in wanted) and _owner(path) in keys:
                yield path


def repair(path: Path) -> bool:
    """Close a log that a dead process left open: remove a truncated line, and add a last line that says interrupted.

    Returns whether the log was open. Raises OSError.
    """
    with path.open("r+b") as file:
        end, last = _last_line(file)
        whole = end == file.seek(0, 2)
        if last.get("type") == END and whole:
            return False
        file.truncate(end)
        file.seek(end)
        if last and last.get("type") != END:
            file.write(written([line(END, str(last.get("session_id", "")), reason="interrupted")]))
    if not last:
        path.unlink()
    return True


def _last_line(file: BinaryIO) -> tuple[int, dict[str, Any]]:
    """Return where the last complete line ends, and its content; (0, {}) if there is none."""
    size, look = file.seek(0, 2), FIRST_LOOK
    while True:
        if look > LONGEST_LOOK:
            raise OSError(errno.EFBIG, "it ends in a line of more than 100 MB, so it is no log")
        start = max(0, size - look)
        file.seek(start)
        block = file.read(size - start)
        end = block.rfind(b"\n") + 1
        while end:
            begin = block.rfind(b"\n", 0, end - 1) + 1
            if not begin and start:
                break  # the line begins before the block that was read
            with suppress(ValueError):
                found = json.loads(block[begin:end])
                if isinstance(found, dict):
                    return start + end, found
            end = begin
        if not start:
            return 0, {}
        look *= 8


def _owner(path: Path) -> SessionKey | None:
    with suppress(OSError, ValueError, LookupError, TypeError, BadFileError), open_regular(path) as file:
        head = json.loads(file.readline(LONGEST_HEAD))
        return SessionKey(head["agent"], head["user"], head["session_id"])
    return None
