"""Where the files of a session stand: paths come from encoded ids, so that no id reaches into another one's folder."""

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
"""Characters of an id in a path; a longer one is cut, with a hash of the whole."""

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")
_HASHED: Final = "~"
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")
"""Names that Windows keeps for devices, whatever their extension."""

_ENCODED: Final = ".encoded"
"""A file that says that the folders beside it have encoded names: those of earlier versions bore the ids themselves."""

_WAITING: Final = "apps-not-encoded"
"""Where folders of earlier versions stand until they have their new names."""

_LEVELS: Final = ("apps", "users", "sessions")


def segment(name: str) -> str:
    """An id as one part of a path, on every system.

    Different ids have different parts, also where upper and lower case are the same to the file system.
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
    """The id that ``segment`` made a part of a path of; None where it was too long to tell."""
    return None if _HASHED in part else unquote(part, errors="surrogatepass")


def user_folder(root: Path, app_name: str, user_id: str) -> Path:
    """What stands in ``root``, the folder of ADK's file artifact service, of a user of an app."""
    return root / _LEVELS[0] / segment(app_name) / _LEVELS[1] / segment(user_id)


def session_folder(root: Path, key: SessionKey) -> Path:
    """What stands in ``root`` of a session."""
    return user_folder(root, key.app_name, key.user_id) / _LEVELS[2] / segment(key.session_id)


def sessions_in(root: Path) -> list[SessionKey]:
    """The sessions that have files in ``root``, whether or not they are still there themselves."""
    found = (
        [id_of(place.parts[at]) for at in (-5, -3, -1)]
        for place in root.glob("apps/*/users/*/sessions/*")
        if place.is_dir()
    )
    return [SessionKey(*ids) for ids in found if None not in ids]  # type: ignore[arg-type]


def encode_folders(root: Path) -> None:
    """Give the folders of earlier versions, whose names are the ids themselves, encoded names. Once for a root: those
    that wait for it stand apart, so that what a process that died has begun is finished by the next one."""
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
    """The place of a folder ``artifacts`` whose ids had several parts each, if they had a slash."""
    path = place.relative_to(root / _WAITING).as_posix()
    if found := re.fullmatch(r"(.+?)/users/(.+?)(?:/sessions/(.+))?/artifacts", path):
        app, user, session = found.groups()
        key = SessionKey(app, user, session or "")
        return (user_folder(root, app, user) if session is None else session_folder(root, key)) / "artifacts"
    return None


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # the first one that has something else in it
        for place in (folder, *folder.parents):
            place.rmdir()
