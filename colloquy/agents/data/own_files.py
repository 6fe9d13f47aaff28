"""Colloquy's own files in its data folder: passwords and conversations, which nobody may query as data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The files and folders in ``folder`` with one of these names or beginnings of a name. Those named in ``to_ask``
    exist to be queried as data."""

    folder: str
    names: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    to_ask: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """Return the form that ``of_json`` reads."""
        return {
            "folder": self.folder,
            "names": sorted(self.names),
            "beginnings": list(self.beginnings),
            "to_ask": sorted(self.to_ask),
        }

    @classmethod
    def of_json(cls, fields: dict[str, Any]) -> OwnFiles:
        """Read what ``as_json`` returned."""
        return cls(
            fields["folder"], frozenset(fields["names"]), tuple(fields["beginnings"]), frozenset(fields["to_ask"])
        )

    def is_own(self, name: str) -> bool:
        """Whether a name in the folder is one that only Colloquy uses."""
        return name in self.names or name.startswith(self.beginnings)

    def include(self, path: Path) -> bool:
        """Whether a path, which may be a link or a file's second name, is the folder or something in it that may not be
        queried."""
        data, real = Path(self.folder), Path(os.path.realpath(path))
        below = ""
        for place in (real, *real.parents):
            if _is_same(place, data):
                return not below or (self.is_own(below) and below not in self.to_ask)
            below = place.name
        try:
            own = [entry.path for entry in os.scandir(data) if self.is_own(entry.name) and entry.is_file()]
        except OSError:
            return False  # the folder no longer exists
        return any(_is_same(real, Path(one)) for one in own)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
