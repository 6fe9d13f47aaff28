"""Attaches pictures and other files included in an export to the messages that they belong to."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Final

from google.genai import types

from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.notes import Notes, quoted
from session_store.phrases import size_text

MOST_BYTES: Final = 10_000_000
"""Largest size of a file that is imported."""
MOST_IN_CHAT: Final = 200_000_000
"""Largest total size of the files in one chat, because a whole chat is held in memory during the import."""

_DATA_URL: Final = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w=-]+)*;base64,(?P<data>[A-Za-z0-9+/=\s]+)")
_ID: Final = re.compile(r"(?:file-)?[^-.]+")
"""The id at the start of a file's name: ``file-3oTBHa-photo.png``, ``file_0000c5b0-ab12.png``."""
_BEGINNINGS: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftyp(?:heic|heix|mif1)", re.DOTALL), "image/heic"),
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"ID3|\xff[\xfa\xfb\xf2\xf3]"), "audio/mpeg"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb"....ftypM4A", re.DOTALL), "audio/mp4"),
    (re.compile(rb"....ftyp", re.DOTALL), "video/mp4"),
    (re.compile(rb"\x1aE\xdf\xa3"), "video/webm"),
)
"""How files of each type begin. Exports name pictures ``.dat``, and a name's extension may be wrong."""
_TOLD_APART: Final = frozenset(kind for _, kind in _BEGINNINGS)
_UNKNOWN: Final = "application/octet-stream"


class Enclosed:
    """The files of an archive other than conversations, by the ids that messages use for them."""

    def __init__(
        self, others: Sequence[zipfile.ZipInfo] = (), read: Callable[[zipfile.ZipInfo], bytes] | None = None
    ) -> None:
        """``read`` returns the bytes of a file."""
        self._read = read
        self._entries = {_id(PurePosixPath(entry.filename).name): entry for entry in reversed(others)}
        self._unclaimed = {entry.filename: None for entry in others}

    @property
    def unclaimed(self) -> list[str]:
        """Returns the names of files that no message has asked for so far."""
        return list(self._unclaimed)

    def find(self, address: object) -> zipfile.ZipInfo | None:
        """Returns the file with an id, or the file that a pointer such as ``sediment://file_0000`` refers to."""
        pieces = re.split(r"[/#?]", address.rsplit("://", 1)[-1]) if isinstance(address, str) else []
        entry = next((self._entries[_id(piece)] for piece in pieces if _id(piece) in self._entries), None)
        if entry:
            self._unclaimed.pop(entry.filename, None)
        return entry

    def part(
        self, entry: zipfile.ZipInfo, name: str, notes: Notes, *, by_person: bool, before: int = 0
    ) -> types.Part | None:
        """Returns a file as a message part; if it cannot be one, notes why and returns None.

        Args:
            entry: the file's entry in the archive.
            name: its name; empty to use its name in the archive.
            notes: where to note why it cannot be imported.
            by_person: whether the user attached it.
            before: total size in bytes of the files that the chat already has.
        """
        file_name = PurePosixPath(entry.filename).name
        name = name or file_name[len(_id(file_name)) :].removeprefix("-")
        name = file_name if not name or name.startswith(".") else name
        why, data = "damaged", b""
        if entry.file_size > MOST_BYTES:
            why = f"larger than {size_text(MOST_BYTES)}"
        elif entry.file_size > MOST_IN_CHAT - before:
            why = f"too much for one chat (over {size_text(MOST_IN_CHAT)} in all)"
        elif not entry.file_size:
            why = "empty"
        elif self._read:
            try:
                data = self._read(entry)
            except DamagedError:
                data = b""
            except ImportRefusedError:
                why, data = "too much for one archive once unpacked", b""
        if not data:
            notes.left_out(f"file {quoted(name)} that is {why}")
            return None
        return file_part(data, name, by_person=by_person)


def file_part(data: bytes, name: str, *, by_person: bool) -> types.Part:
    """Returns a file as a message part, with the type that its bytes indicate. A text file attached by the user becomes
    text headed by its name, as in a live turn."""
    name = " ".join(name.split()) or "file"
    kind = next((kind for begins, kind in _BEGINNINGS if begins.match(data)), None)
    text = _text(data) if kind is None else None
    if by_person and text is not None:
        return types.Part(text=f"[Attached file: {name}]\n{text}")
    if kind is None:
        guessed = mimetypes.guess_type(name)[0] or _UNKNOWN
        kind = "text/plain" if text is not None else _UNKNOWN if guessed in _TOLD_APART else guessed
    return types.Part(inline_data=types.Blob(data=data, mime_type=kind, display_name=name))


def decoded(address: object, name: str) -> types.Part | None:
    """Returns the file in a ``data:`` URL; None if there is none, or it is too large."""
    found = _DATA_URL.fullmatch(address) if isinstance(address, str) else None
    if not found or len(found["data"]) > MOST_BYTES * 4 / 3:
        return None
    try:
        data = base64.b64decode(found["data"], validate=False)
    except (binascii.Error, ValueError):
        return None
    blob = types.Blob(mime_type=found["type"], data=data, display_name=name)
    return types.Part(inline_data=blob) if data else None


def _id(name: str) -> str:
    found = _ID.match(name)
    return found[0] if found else name


def _text(data: bytes) -> str | None:
    """Decodes bytes as text; None if they are not text."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text else None
