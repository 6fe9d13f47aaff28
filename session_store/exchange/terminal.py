"""Shows progress on one line of a terminal."""

from __future__ import annotations

import time
from typing import TextIO

EVERY_SECONDS = 0.1


class ProgressLine:
    """Shows progress on a terminal and writes nothing elsewhere. Use it as a context manager, and call it with the
    progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shows = stream.isatty()
        self._next = 0.0
        self._written = False

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._written:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        """Show the progress."""
        now = time.monotonic()
        if not self._shows or (now < self._next and done != total):
            return
        self._next = now + EVERY_SECONDS
        of = "" if total is None else f" of {total:,} ({100 * done // total if total else 100} %)"
        self._stream.write(f"\r\x1b[K{doing}: {done:,}{of}")
        self._stream.flush()
        self._written = True
