"""Moves files that agents made, as stored by ADK's file artifact service, into archives and out of them."""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from session_store.exchange.errors import DamagedError
from session_store.files import BadFileError, read_bytes
from session_store.folders import encode_folders, session_folder, user_folder
from session_store.models import SessionKey

FOLDER: Final = "artifacts"
"""Their folder within the data folder."""

USER_PREFIX: Final = "user:"
METADATA: Final = "metadata.json"
_VERSIONS: Final = "versions"
_STAGE: Final = ".incoming"
_LONGEST_PART: Final = 200
LARGEST: Final = 512_000_000
"""Largest size of a file in bytes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentFile:
    """One file: a version of an artifact, or its metadata.

    ``shared`` files belong to the user rather than to the session. ``path`` is relative to the folder of the session or
    the user, for example ``report.html/versions/0/report.html``.
    """

    shared: bool
    path: str
    data: bytes


class AgentFiles:
    """The folder of ADK's ``FileArtifactService``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        encode_folders(folder)

    def of(self, key: SessionKey, names: Iterable[str]) -> Iterator[AgentFile]:
        """Returns a session's files, and those of its user's files that are named (``user:…``)."""
        own = self._session(key)
        yield from _found(own, own, shared=False)
        user = self._user(key)
        for name in sorted({name.removeprefix(USER_PREFIX) for name in names if name.startswith(USER_PREFIX)}):
            if ".." not in PurePosixPath(name).parts:
                yield from _found(user / name, user, shared=True)

    def stage(self, files: Iterable[AgentFile]) -> Path | None:
        """Write files to a staging folder, or return None if there are none. ``place`` moves them, ``clear`` removes
        them."""
        stage: Path | None = None
        for file in files:
            stage = stage or self._folder / _STAGE / uuid.uuid4().hex
            path = stage / _scope(file.shared) / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        return stage

    def place(self, stage: Path, key: SessionKey) -> None:
        """Move staged files to their session. A second call does nothing."""
        own, staged = self._session(key), stage / _scope(shared=False)
        if staged.is_dir():
            if own.exists():
                shutil.rmtree(own)
            own.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(own)
        shared = stage / _scope(shared=True)
        for version in [found.parent for found in shared.rglob(METADATA)]:
            target = self._user(key) / version.relative_to(shared)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                version.replace(target)

    def clear(self) -> None:
        """Remove what was staged but not placed."""
        shutil.rmtree(self._folder / _STAGE, ignore_errors=True)

    def _session(self, key: SessionKey) -> Path:
        return session_folder(self._folder, key) / FOLDER

    def _user(self, key: SessionKey) -> Path:
        return user_folder(self._folder, key.app_name, key.user_id) / FOLDER


def checked(file: AgentFile) -> AgentFile:
    """Returns the file if its path is one that ADK would give it.

    Raises:
        DamagedError: it is not.
    """
    parts = file.path.split("/")
    *above, versions, number, name = parts if len(parts) > 3 else ["", "", "", ""]
    is_one = versions == _VERSIONS and number.isdecimal() and above and name in (above[-1], METADATA)
    if not is_one or not all(_is_plain(part) for part in parts):
        raise DamagedError(f"a file has a place that cannot be: {file.path[:80]!r}")
    return file


def _is_plain(part: str) -> bool:
    return (
        0 < len(part) <= _LONGEST_PART
        and part.isprintable()
        and part == part.strip()
        and not part.endswith(".")
        and not any(sign in '\\:*?"<>|' for sign in part)
    )


def _scope(shared: bool) -> str:  # noqa: FBT001 - the only parameter
    return "user" if shared else "session"


def _found(folder: Path, root: Path, *, shared: bool) -> Iterator[AgentFile]:
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(root)
        is_version = len(place.parts) > 3 and place.parts[-3] == _VERSIONS and place.parts[-2].isdecimal()
        if is_version and not path.is_symlink() and path.name in (place.parts[-4], METADATA):
            try:
                data = read_bytes(path, LARGEST)
            except (FileNotFoundError, BadFileError) as error:
                log.warning("%s is left out of the export: %s", path, error)
                continue
            yield AgentFile(shared, place.as_posix(), _without_place(data) if path.name == METADATA else data)


def _without_place(metadata: bytes) -> bytes:
    """Remove the file's path on this machine, which ADK records but never reads."""
    try:
        known = json.loads(metadata)
    except ValueError:
        return metadata
    return json.dumps({**known, "canonicalUri": ""}).encode() if isinstance(known, dict) else metadata
