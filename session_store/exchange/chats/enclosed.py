"""Pictures and other files that stand in an export itself, as attachments of the messages that they belong to."""

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
from session_store.exchange.imports.notes import Notes, quoted

MOST_BYTES: Final = 10_000_000
"""The largest file that is taken."""
MOST_IN_CHAT: Final = 200_000_000
"""What the files of one chat may have together: a chat is in memory as a whole while it is imported."""

_DATA_URL: Final = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w=-]+)*;base64,(?P<data>[A-Za-z0-9+/=\s]+)")
_ID: Final = re.compile(r"(?:file-)?[^-.]+")
"""The id in front of a file's name: ``file-3oTBHa-photo.png``, ``file_0000c5b0-ab12.png``."""
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
"""How the bytes of a type begin. Exports name pictures ``.dat``, and what a name says need not be so."""
_TOLD_APART: Final = frozenset(kind for _, kind in _BEGINNINGS)
_UNKNOWN: Final = "application/octet-stream"


class Enclosed:
    """The files of an archive that are no conversations, by the ids that messages have for them."""

    def __init__(
        self, others: Sequence[zipfile.ZipInfo] = (), read: Callable[[zipfile.ZipInfo], bytes] | None = None
    ) -> None:
        """``read`` gives the bytes of one of the files."""
        self._read = read
        self._entries = {_id(PurePosixPath(entry.filename).name): entry for entry in reversed(others)}
        self._unclaimed = {entry.filename: None for entry in others}

    @property
    def unclaimed(self) -> list[str]:
        """The names of those that no message asked for so far."""
        return list(self._unclaimed)

    def find(self, address: object) -> zipfile.ZipInfo | None:
        """The file with an id, or that a pointer such as ``sediment://file_0000`` leads to."""
        pieces = re.split(r"[/#?]", address.rsplit("://", 1)[-1]) if isinstance(address, str) else []
        entry = next((self._entries[_id(piece)] for piece in pieces if _id(piece) in self._entries), None)
        if entry:
            self._unclaimed.pop(entry.filename, None)
        return entry

    def part(
        self, entry: zipfile.ZipInfo, name: str, notes: Notes, *, by_person: bool, before: int = 0
    ) -> types.Part | None:
        """A file as a part of a message; None, with a note, if it cannot be one.

        Args:
            entry: where it stands.
            name: what it is called; empty for its name in the archive.
            notes: where to note why it cannot be taken.
            by_person: whether the person attached it.
            before: how many bytes the files have that the chat has already.
        """
        file_name = PurePosixPath(entry.filename).name
        name = name or file_name[len(_id(file_name)) :].removeprefix("-")
        name = file_name if not name or name.startswith(".") else name
        why, data = "damaged", b""
        if entry.file_size > MOST_BYTES:
            why = f"larger than {MOST_BYTES // 1_000_000} MB"
        elif entry.file_size > MOST_IN_CHAT - before:
            why = f"too much for one chat (over {MOST_IN_CHAT // 1_000_000} MB in all)"
        elif not entry.file_size:
            why = "empty"
        elif self._read:
            try:
                data = self._read(entry)
            except (DamagedError, ImportRefusedError):
                data = b""
        if not data:
            notes.left_out(f"file {quoted(name)} that is {why}")
            return None
        return file_part(data, name, by_person=by_person)


def file_part(data: bytes, name: str, *, by_person: bool) -> types.Part:
    """A file as a part of a message, of the type that its bytes tell. A text that a person attached is text with the
    name before it, as in a live turn."""
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
    """The file that stands in a ``data:`` URL; None if none does, or it is too large."""
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
    """Bytes as text, if they are that."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text else None
