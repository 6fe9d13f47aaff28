"""ZIP archives: Colloquy's own, with conversations, results and workspaces, and those of other programs."""

from __future__ import annotations

import contextlib
import io
import json
import lzma
import os
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Final, cast

from typing_extensions import Buffer

from session_store.exchange.adk.json_files import path_of, session_json
from session_store.exchange.agent_files import LARGEST, AgentFiles
from session_store.exchange.chats.programs import is_copy, keeps_chats
from session_store.exchange.conversation import Whole, Workspaces
from session_store.exchange.documents import parse, unreadable
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.notes import Notes
from session_store.exchange.own_records import result_json, workspace_json
from session_store.files import BadFileError, open_regular
from session_store.phrases import size_text

MANIFEST: Final = "colloquy.json"
FORMAT: Final = "colloquy-archive"
VERSION: Final = 1
SUSPICIOUS_BYTES: Final = 20_000_000
SUSPICIOUS_RATIO: Final = 50
"""JSON takes twenty times its size in memory. Archives of real chats are a tenth of the size of the chats."""
MOST_ENTRIES: Final = 200_000
DIRECTORY_BYTES_OF_ENTRY: Final = 160
DIRECTORY_BYTES: Final = MOST_ENTRIES * DIRECTORY_BYTES_OF_ENTRY
"""Largest directory of an archive: reading it takes ten times as much memory."""
_PIECE: Final = 2**20
_LONGEST_END: Final = 2**16 + 100
"""Most bytes after the directory: its end records and a comment."""
_LARGE: Final = 1_000_000
_FAST: Final = 1
"""Compression level for large entries: mostly pictures in base64, which no level shrinks by more than a quarter."""


class _Pieces(io.RawIOBase):
    """A file that hands out what is written to it, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        self._written.append(bytes(data))
        return len(self._written[-1])

    def taken(self) -> bytes:
        """Returns what was written since the last call."""
        data = b"".join(self._written)
        self._written.clear()
        return data


def archive_pieces(
    wholes: Iterable[Whole], workspaces: Workspaces | None, files: AgentFiles | None = None
) -> Iterator[bytes]:
    """Returns an archive of conversations with their results' data and their agents' files, in pieces, with at most one
    conversation in memory.

    Args:
        wholes: the conversations, read with the data of their results.
        workspaces: all workspaces of the store, to include; None includes only those that the conversations need.
        files: where agents' files are; None leaves them out.
    """
    listed: list[dict[str, Any]] = []
    going_along = dict(workspaces or {})
    pieces = _Pieces()
    with zipfile.ZipFile(cast("IO[bytes]", pieces), "w", zipfile.ZIP_DEFLATED) as archive:
        for number, whole in enumerate(wholes, start=1):
            entry = {"file": f"conversations/{number:06} {slug(whole.about.title)}".rstrip() + ".json"}
            text = json.dumps(session_json(whole), ensure_ascii=False)
            archive.writestr(entry["file"], text, compresslevel=_FAST if len(text) > _LARGE else None)
            yield pieces.taken()
            results: list[dict[str, Any]] = []
            for result in _with_results(archive, whole, f"results/{number:06}"):
                results.append(result)
                yield pieces.taken()
            kept: list[dict[str, Any]] = []
            for file in _with_files(archive, whole, f"files/{number:06}", files):
                kept.append(file)
                yield pieces.taken()
            listed.append({**entry, "results": results, "files": kept})
            going_along |= {workspace.id: workspace for workspace in path_of(whole)}
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "created_at": time.time(),
            "workspaces": [workspace_json(workspace, with_connection=True) for workspace in going_along.values()],
            "conversations": listed,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False))
    yield pieces.taken()


def _with_results(archive: zipfile.ZipFile, whole: Whole, folder: str) -> Iterator[dict[str, Any]]:
    for place, (result, data) in enumerate(whole.about.results, start=1):
        name = f"{folder}/{place:03} {slug(result.title)}".rstrip() + ".parquet"
        if data is not None:
            archive.writestr(name, data, zipfile.ZIP_STORED)
        yield {**result_json(result), "data": name if data is not None else None}


def _with_files(
    archive: zipfile.ZipFile, whole: Whole, folder: str, files: AgentFiles | None
) -> Iterator[dict[str, Any]]:
    names = [result.file_name for result, _ in whole.about.results if result.file_name]
    for file in files.of(whole.about.key, names) if files else ():
        name = f"{folder}/{'user' if file.shared else 'session'}/{file.path}"
        archive.writestr(name, file.data)
        yield {"file": name, "shared": file.shared, "path": file.path}


def _directory_of(file: BinaryIO) -> tuple[int, int]:
    """Returns the number of entries and bytes in an archive's directory, read from its end; zeros if the end is
    damaged. ``zipfile`` would read the whole directory first."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_END))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    larger = tail[at - 76 : at - 20] if at >= 76 and tail[at - 20 :].startswith(b"PK\6\7") else b""
    if larger.startswith(b"PK\6\6"):
        entries, size = struct.unpack_from("<QQ", larger, 32)
    else:
        entries, size = struct.unpack_from("<HL", tail, at + 10) if 0 <= at <= len(tail) - 22 else (0, 0)
    return int(entries), int(size)


def slug(title: str) -> str:
    """Returns a title as part of a file name that is valid on any system."""
    return re.sub(r"[^\w-]+", " ", title).strip()[:60].strip()


class Archive:
    """An open archive. Nothing is extracted to disk, and entries have a size limit."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ImportRefusedError: it is damaged or malicious.
        """
        self._path = path
        self._unpacked = 0
        try:
            self._file = open_regular(path)
        except (FileNotFoundError, BadFileError) as error:
            raise unreadable(path, error) from error
        try:
            with self._reading("its directory"):
                self._refuse_many(*_directory_of(self._file))
                self._zip = zipfile.ZipFile(self._file)
        except DamagedError as error:
            self._file.close()
            raise ImportRefusedError(f"{path} was not imported: {error}. Nothing was changed.") from error
        except BaseException:
            self._file.close()
            raise
        try:
            self._refuse_hostile()
        except BaseException:
            self._file.close()
            raise
        manifests = [name for name in self._zip.NameToInfo if PurePosixPath(name).name == MANIFEST]
        top = min(manifests, key=lambda name: (name.count("/"), name), default="")
        self.is_ours = bool(top)
        """Whether this program wrote it."""
        self._folder = top.removesuffix(MANIFEST)
        """The folder that contains everything, if the archive was unpacked and its folder packed again."""

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    @property
    def conversation_files(self) -> list[zipfile.ZipInfo]:
        """Returns the files with chats of another program, including several with the same name."""
        return sorted(
            (entry for entry in self._zip.infolist() if keeps_chats(entry.filename)),
            key=lambda entry: entry.filename,
        )

    @property
    def other_files(self) -> list[zipfile.ZipInfo]:
        """Returns the files of another program's archive besides its chats and their viewable copies."""
        return [
            entry
            for entry in self._zip.infolist()
            if not (entry.is_dir() or keeps_chats(entry.filename) or is_copy(entry.filename))
        ]

    @property
    def doubles(self) -> int:
        """Returns how many files have a later one of the same name."""
        return len(self._zip.infolist()) - len(self._zip.NameToInfo)

    def document(self, name: str, notes: Notes) -> Any:  # noqa: ANN401 - JSON
        """Returns a JSON entry, as written by this program.

        Raises:
            DamagedError: it is missing, damaged, or not JSON.
        """
        try:
            return parse(self.data(name), notes, exact=True)
        except DamagedError as error:
            raise DamagedError(f"{name}: {error}") from error

    def data(self, name: str) -> bytes:
        """Returns the bytes of an entry.

        Raises:
            DamagedError: it is missing or damaged.
        """
        entry = self._zip.NameToInfo.get(self._folder + name)
        if entry is None:
            raise DamagedError(f"{name} is missing")
        return self.bytes_of(entry)

    def bytes_of(self, entry: zipfile.ZipInfo) -> bytes:
        """Returns the bytes of an entry.

        Raises:
            DamagedError: it is damaged.
        """
        data = bytearray()
        with self._reading(entry.filename), self._zip.open(entry) as opened:
            while piece := opened.read(_PIECE):
                data += piece
                self._unpacked += len(piece)
                if len(data) > LARGEST:
                    raise DamagedError(f"{entry.filename} is larger than {size_text(LARGEST)}")
                # Counted here whatever the archive claims, and however often it names the same file.
                self._check_growth(self._unpacked)
        return bytes(data)

    def _check_growth(self, size: int) -> None:
        if size > SUSPICIOUS_BYTES and size > SUSPICIOUS_RATIO * self._path.stat().st_size:
            raise ImportRefusedError(
                f"{self._path} would unpack to more than {size_text(size)}, over {SUSPICIOUS_RATIO} times its "
                "size. It looks like an archive made to fill disks, so it was not imported."
            )

    def _refuse_many(self, entries: int, size: int) -> None:
        if entries > MOST_ENTRIES or size > DIRECTORY_BYTES:
            raise ImportRefusedError(
                f"{self._path} has {max(entries, size // DIRECTORY_BYTES_OF_ENTRY):,} files. At most {MOST_ENTRIES:,} "
                "are imported at once: split it."
            )

    def _refuse_hostile(self) -> None:
        entries = self._zip.infolist()
        for entry in entries:
            path = PurePosixPath(entry.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or ":" in entry.filename[:3]:
                raise ImportRefusedError(
                    f"{self._path} names a file outside of itself: {entry.filename[:80]!r}. Nothing was imported."
                )
        self._refuse_many(len(entries), 0)
        for entry in entries:
            self._check_growth(entry.file_size)
        self._check_growth(sum(entry.file_size for entry in entries))

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            # NotImplementedError is a RuntimeError too: an unknown kind of compression.
            raise DamagedError(
                f"{name} cannot be read ({error}). Unpack the archive and make a plain ZIP archive of it"
            ) from error
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OSError) as error:
            raise DamagedError(f"it is damaged or cut off at {name} ({error}). Copy or download it again") from error
