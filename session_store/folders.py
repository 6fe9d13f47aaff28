"""Where a session's files are. Paths are built from encoded ids, so that no id reaches into another one's folder."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from session_store.models import SessionKey

LONGEST: Final = 120
"""Characters of an id in a path. A longer id is cut and gets a hash of the whole."""

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")
_HASHED: Final = "~"
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")
"""Names that Windows reserves for devices, with any extension."""

_ENCODED: Final = ".encoded"
"""Marker file: the folders beside it have encoded names. Earlier versions used the ids themselves."""

_WAITING: Final = "apps-not-encoded"
"""Holds the folders of earlier versions until they get their new names."""

_LEVELS: Final = ("apps", "users", "sessions")


def segment(name: str) -> str:
    """Encode an id as one path segment that works on every system.

    Different ids get different segments, even on case-insensitive file systems.
    """
    encoded = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in name.encode("utf-8", "surrogatepass"))
    encoded = re.sub(r"^\.|\.$", "%2e", encoded)
    if _DEVICES.match(encoded):
        encoded = f"%{ord(encoded[0]):02x}{encoded[1:]}"
    if len(encoded) > LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        encoded = f"{encoded[: LONGEST - 33]}{_HASHED}{digest}"
    return encoded


def id_of(part: str) -> str | None:
    """Return the id that ``segment`` encoded; None if it was too long to recover."""
    return None if _HASHED in part else unquote(part, errors="surrogatepass")


def user_folder(root: Path, app_name: str, user_id: str) -> Path:
    """Return a user's folder in ``root``, the folder of ADK's file artifact service."""
    return root / _LEVELS[0] / segment(app_name) / _LEVELS[1] / segment(user_id)


def session_folder(root: Path, key: SessionKey) -> Path:
    """Return a session's folder in ``root``."""
    return user_folder(root, key.app_name, key.user_id) / _LEVELS[2] / segment(key.session_id)


def sessions_in(root: Path) -> list[SessionKey]:
    """List the sessions that have files in ``root``, whether or not the sessions still exist."""
    found = (
        [id_of(place.parts[at]) for at in (-5, -3, -1)]
        for place in root.glob("apps/*/users/*/sessions/*")
        if place.is_dir()
    )
    return [SessionKey(*ids) for ids in found if None not in ids]  # type: ignore[arg-type]


def encode_folders(root: Path) -> None:
    """Rename the folders of earlier versions, which are named after the ids themselves, to encoded names. Runs once per
    root: pending folders are set aside first, so the next process finishes what a dead one began."""
    apps, waiting, done = root / _LEVELS[0], root / _WAITING, root / _ENCODED
    if not done.exists():
        root.mkdir(parents=True, exist_ok=True)
        if apps.exists() and not waiting.exists():
            apps.replace(waiting)
        done.touch()
    if waiting.exists():
        for place in sorted(_artifact_folders(waiting)):
            if (target := _encoded(root, place)) and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                place.replace(target)
                _remove_empty(place.parent)


def _artifact_folders(top: Path) -> list[Path]:
    found = []
    for folder, names, _ in os.walk(top):
        if "artifacts" in names:
            found.append(Path(folder, "artifacts"))
            names.remove("artifacts")
    return found


def _encoded(root: Path, place: Path) -> Path | None:
    """Return the new path of an ``artifacts`` folder. An id that contains a slash spans several path segments."""
    path = place.relative_to(root / _WAITING).as_posix()
    if found := re.fullmatch(r"(.+?)/users/(.+?)(?:/sessions/(.+))?/artifacts", path):
        app, user, session = found.groups()
        key = SessionKey(app, user, session or "")
        return (user_folder(root, app, user) if session is None else session_folder(root, key)) / "artifacts"
    return None


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # stops at the first folder that is not empty
        for place in (folder, *folder.parents):
            place.rmdir()
