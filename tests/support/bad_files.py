"""Things that may lie in a folder in place of a regular file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

HUGE: Final = 5 * 2**30
"""Size in bytes of a sparse file, which takes no space on the disk."""


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HUGE)


def _loop(path: Path) -> None:
    other = path.with_name(f"{path.name}-other")
    path.symlink_to(other)
    other.symlink_to(path)


BAD_FILES: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "pipe": (lambda path: os.mkfifo(path), "named pipe"),  # noqa: PLW0108 - Windows does not have it
    "folder": (lambda path: path.mkdir(), "folder"),
    "five gigabytes": (_huge, "larger than"),
    "link to nothing": (lambda path: path.symlink_to(path.with_name("nothing")), "link to something"),
    "links in a circle": (_loop, "link that leads back to itself"),
    "socket": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "device"),
    "UTF-16": (lambda path: path.write_text("text", encoding="utf-16"), "not a UTF-8 text file"),
}
"""How to create each, and what its error says."""

NO_FILES: Final = tuple(kind for kind in BAD_FILES if kind not in ("five gigabytes", "UTF-16"))
"""The kinds that are not files at all."""
