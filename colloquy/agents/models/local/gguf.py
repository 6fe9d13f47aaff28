"""Reads the context length that a model was trained for from the header of its GGUF file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from colloquy.agents.models.failures import ModelError
from session_store.files import BadFileError, open_regular

MOST_ENTRIES = 10_000
MOST_WORDS = 2_000_000
"""The most words in a vocabulary."""

LONGEST_HEAD = 100_000_000
"""The most bytes of a header; the vocabularies in headers take several megabytes."""

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def trained_context(path: Path) -> int | None:
    """Return the context length that the model in ``path`` was trained for, in tokens; None if the file does not say.

    Raises:
        ModelError: the file is missing, cannot be read, or is not a GGUF file.
    """
    try:
        with open_regular(path) as file:
            return _context_length(file)
    except FileNotFoundError:
        raise ModelError(f"The model file {path} is missing. Put it back, or choose another model.") from None
    except (OSError, BadFileError) as error:
        why = error if isinstance(error, BadFileError) else error.strerror
        raise ModelError(f"The model file {path} cannot be read: {why}.") from error
    except (struct.error, KeyError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path) from error


def why_not_gguf(path: Path) -> str | None:
    """Say why a file cannot be a GGUF file; None if it begins like one and can be read."""
    try:
        with open_regular(path) as file:
            return None if file.read(len(_MAGIC)) == _MAGIC else f"{path} is not a GGUF file"
    except FileNotFoundError:
        return f"No file was found at {path}"
    except (OSError, BadFileError) as error:
        return f"{path} cannot be read ({error})"


def _context_length(file: BinaryIO) -> int | None:
    if file.read(4) != _MAGIC:
        raise _damaged(Path(file.name))
    _version, _tensors, entries = _unpack(file, "IQQ")
    if entries > MOST_ENTRIES:
        raise _damaged(Path(file.name))
    for _ in range(entries):
        key = _string(file).decode()
        (kind,) = _unpack(file, "I")
        if key.endswith(".context_length") and kind in _SCALARS:
            (length,) = _unpack(file, _SCALARS[kind])
            return int(length)
        _skip(file, kind)
    return None


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        _string(file)
    elif kind == _ARRAY:
        inner, count = _unpack(file, "IQ")
        if inner in _SCALARS:
            _bounded(file, count * struct.calcsize(_SCALARS[inner]))
            file.seek(count * struct.calcsize(_SCALARS[inner]), 1)
            return
        if count > MOST_WORDS:
            raise struct.error("the array is too long")
        for _ in range(count):
            _skip(file, inner)
    else:
        _unpack(file, _SCALARS[kind])


def _string(file: BinaryIO) -> bytes:
    (length,) = _unpack(file, "Q")
    _bounded(file, length)
    text = file.read(length)
    if len(text) < length:
        raise struct.error("the file ends within a string")
    return text


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    size = struct.calcsize("<" + layout)
    _bounded(file, size)
    return struct.unpack("<" + layout, file.read(size))


def _bounded(file: BinaryIO, size: int) -> None:
    """Refuse sizes that lead past the header's limit, as in a damaged file."""
    if file.tell() + size > LONGEST_HEAD:
        raise struct.error("the head is too long")


def _damaged(path: Path) -> ModelError:
    return ModelError(f"{path} is not a GGUF model file, or is damaged. Fetch it again, or choose another model.")
