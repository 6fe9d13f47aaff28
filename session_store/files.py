"""Reads files in the user's folders, where anything may lie, with size limits and without blocking; and makes the app's
own folders private."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

from session_store.errors import ColloquyError
from session_store.phrases import size_text

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # do not block on a pipe that replaced the file in the meantime
    | getattr(os, "O_NOCTTY", 0)
)
_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISDIR, "it is a folder, not a file"),
    (stat.S_ISFIFO, "it is a named pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)
_FORBIDDEN: Final = "you may not read it; change its permissions"
_PRIVATE: Final = 0o700


class BadFileError(ColloquyError):
    """A file cannot be used. The message gives the reason as a clause: it is a folder, not a file."""


def look_at(path: Path) -> os.stat_result:
    """Return the ``stat`` result of a file or folder. Follows links.

    Raises:
        FileNotFoundError: nothing has this name.
        BadFileError: the system does not say what it is.
    """
    try:
        return path.stat()
    except (OSError, ValueError) as error:
        raise _in_words(path, error) from error


def require_regular(path: Path, *beside: str) -> None:
    """Check a file that a library is about to open by name: if it were a pipe, the library would block forever. Also
    check the files that the library opens along with it, whose names end in ``beside``. Opens nothing, because closing
    a file releases the locks that this process holds on it.

    Raises:
        FileNotFoundError: nothing has this name.
        BadFileError: it cannot be read.
    """
    _require_regular(look_at(path).st_mode)
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise BadFileError(_FORBIDDEN)
    for ending in beside:
        try:
            require_regular(path.with_name(path.name + ending))
        except FileNotFoundError:
            continue
        except BadFileError as error:
            raise BadFileError(f"of {path.name + ending} beside it: {error}") from error


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading. Follows links, and opens only regular files.

    Raises:
        FileNotFoundError: nothing has this name.
        BadFileError: it cannot be read.
    """
    _require_regular(look_at(path).st_mode)
    try:
        return open(path, "rb", opener=_opened)
    except OSError as error:
        raise _in_words(path, error) from error


def _opened(path: str, _flags: int) -> int:
    descriptor = os.open(path, _FLAGS)
    try:
        _require_regular(os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file of at most ``limit`` bytes. Raises what ``open_regular`` raises, and BadFileError for a larger
    file."""
    with open_regular(path) as file:
        try:
            data = b"" if os.fstat(file.fileno()).st_size > limit else file.read(limit + 1)
            too_large = len(data) > limit or os.fstat(file.fileno()).st_size > limit
        except OSError as error:
            raise _in_words(path, error) from error
    if too_large:
        raise BadFileError(f"it is larger than {size_text(limit)}")
    return data


def read_text(path: Path, limit: int) -> str:
    """Read a UTF-8 file of at most ``limit`` bytes, without the byte order mark that Windows editors put in front.
    Keeps unpaired surrogates, which some programs write. Raises what ``read_bytes`` raises, and BadFileError if the
    file is not UTF-8."""
    try:
        return read_bytes(path, limit).decode("utf-8-sig", "surrogatepass").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise BadFileError("it is not a UTF-8 text file; save it in that encoding") from error


def read_env(path: Path, limit: int = 1_000_000) -> dict[str, str | None]:
    """Read the variables in a ``.env`` file. Returns none if there is no such file.

    Raises:
        BadFileError: it cannot be read.
    """
    from dotenv import dotenv_values  # noqa: PLC0415 - query processes do not need it

    try:
        text = read_text(path, limit)
        text.encode()
    except FileNotFoundError:
        return {}
    except UnicodeEncodeError as error:
        raise BadFileError("it contains halves of characters") from error
    return dotenv_values(stream=io.StringIO(text))


def entries(folder: Path, limit: int) -> tuple[list[Path], bool]:
    """List a folder, in no particular order. Also returns whether it has more than ``limit`` entries; the rest is not
    read.

    Raises:
        FileNotFoundError: nothing has this name.
        BadFileError: it is not a folder, or cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            names = [folder / entry.name for entry in islice(found, limit + 1)]
    except NotADirectoryError as error:
        raise BadFileError("it is not a folder") from error
    except (OSError, ValueError) as error:
        raise _in_words(folder, error) from error
    return names[:limit], len(names) > limit


def make_private(folder: Path, is_own: Callable[[str], bool]) -> str | None:
    """Create a folder that no other user can read. Restrict an existing one if ``is_own`` recognizes every name in it.

    Returns a warning sentence if other users can read the folder. Its permissions then stay, because it is not ours
    alone.
    """
    try:
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if os.name != "posix" or not stat.S_IMODE((found := folder.stat()).st_mode) & ~_PRIVATE:
            return None
        if found.st_uid == os.geteuid() and all(is_own(entry.name) for entry in folder.iterdir()):
            folder.chmod(_PRIVATE)
            return None
    except OSError:
        return None  # the next user of the folder reports the error
    if not found.st_mode & 0o055:
        return None
    return (
        f"Other users of this machine may be able to read {folder}. Its permissions were not changed, because it also "
        f"contains files that do not belong to Colloquy. To restrict it, run: chmod 700 {folder}"
    )


def _require_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise BadFileError(next((words for is_kind, words in _KINDS if is_kind(mode)), "it is not a regular file"))


def _in_words(path: Path, error: OSError | ValueError) -> Exception:
    if isinstance(error, ValueError):  # a NUL or an unpaired surrogate
        return BadFileError("no file can have this name")
    if isinstance(error, FileNotFoundError):
        return BadFileError("it is a link to something that is not there") if path.is_symlink() else error
    if isinstance(error, NotADirectoryError):
        return FileNotFoundError(error.errno, error.strerror, error.filename)
    if error.errno == errno.ELOOP:
        return BadFileError("it is a link that leads back to itself")
    if isinstance(error, PermissionError):
        return BadFileError(_FORBIDDEN)
    return BadFileError(f"the system says: {error.strerror or error}")
