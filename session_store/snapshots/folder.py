"""The folder of snapshots, which are found by name."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from session_store.snapshots.snapshot import Progress, SnapshotError, SnapshotForm, SnapshotInfo, StoredSnapshots

FOLDER: Final = "snapshots"
_NAME: Final = re.compile(r"history-\d{4}-\d\d-\d\d-\d{6}(-\d+)?(\.duckdb|\.parquet\.zip)")
_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """A snapshot in the folder. ``size`` is in bytes, ``made_at`` in Unix seconds."""

    name: str
    path: Path
    form: SnapshotForm
    size: int
    made_at: float


class SnapshotFolder:
    """The snapshots of one store. Thread-safe; creates only one snapshot at a time."""

    def __init__(self, snapshots: StoredSnapshots, data_dir: Path) -> None:
        self._snapshots = snapshots
        self.path = data_dir.absolute() / FOLDER

    def make(self, form: SnapshotForm, progress: Progress = lambda *_: None) -> SnapshotInfo:
        """Create a snapshot, named after the current time (UTC).

        Raises:
            SnapshotError, StoreClosedError: it cannot be created.
        """
        with _making:
            name = f"history-{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
            target, number = self.path / f"{name}{form.suffix}", 1
            while target.exists():
                number += 1
                target = self.path / f"{name}-{number}{form.suffix}"
            return self._snapshots.take(target, form=form, progress=progress)

    def kept(self) -> list[KeptSnapshot]:
        """List all snapshots, newest first."""
        found = []
        for path in self.path.glob("history-*"):
            if _NAME.fullmatch(path.name) and path.is_file():
                facts = path.stat()
                form = next(form for form in SnapshotForm if path.name.endswith(form.suffix))
                found.append(KeptSnapshot(path.name, path, form, facts.st_size, facts.st_mtime))
        return sorted(found, key=lambda snapshot: (snapshot.made_at, snapshot.name), reverse=True)

    def find(self, name: str) -> KeptSnapshot:
        """Return the snapshot with this name.

        Raises:
            SnapshotError: it does not exist.
        """
        for snapshot in self.kept():
            if snapshot.name == name:
                return snapshot
        raise SnapshotError(f"There is no snapshot {name!r}. It was deleted or never existed.")

    def remove(self, name: str) -> None:
        """Delete a snapshot.

        Raises:
            SnapshotError: it does not exist, or cannot be deleted.
        """
        path = self.find(name).path
        try:
            path.chmod(0o644)  # Windows does not delete read-only files
            path.unlink(missing_ok=True)
        except OSError as error:
            raise SnapshotError(f"{path} cannot be deleted: {error.strerror or error}.") from error
