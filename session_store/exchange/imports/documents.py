"""JSON out of files. What no reader of JSON can hold costs only itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from session_store.compat.json_decoder import patient_loads
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.imports.notes import DEEPEST, Notes, may_have_halves, shallow, whole_characters
from session_store.files import BadFileError, read_bytes, require_regular

LARGEST: Final = 2_000_000_000
MOST_VALUES: Final = 10_000_000
"""Commas and brackets in a document: each value takes up to a hundred bytes of memory, however short it is. An event of
ADK has 25 and a message of ChatGPT 50, and as many again where it is long: this is for 100,000 messages in one file."""
MANY_VALUES: Final = 250_000
"""More than that are read in pure Python, which takes a few times as long and lets all else go on meanwhile: Python's
decoder in C holds the interpreter, and so all pages and turns, until it is done."""
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]|-?\d{4300,}(?:\.\d+)?(?:[eE][-+]?\d+)?', re.DOTALL)
"""What tells how deep a place in JSON is, and numbers that Python does not read."""


def load(path: Path, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """The JSON document in a file. See ``parse``.

    Raises:
        ImportRefusedError: it cannot be read; the message names the place.
    """
    try:
        return parse(read_bytes(path, LARGEST), notes)
    except (FileNotFoundError, BadFileError) as error:
        raise unreadable(path, error) from error
    except DamagedError as error:
        raise ImportRefusedError(f"{path} was not imported: {error}. Nothing was changed.") from error


def require_file(path: Path, *beside: str) -> None:
    """Look at a file that a library is to open. See ``require_regular``.

    Raises:
        ImportRefusedError: there is none, or it cannot be read.
    """
    try:
        require_regular(path, *beside)
    except (FileNotFoundError, BadFileError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: FileNotFoundError | BadFileError) -> ImportRefusedError:
    """The error for a file that cannot be imported, because it cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return ImportRefusedError(f"There is no file {path}.")
    return ImportRefusedError(f"{path} cannot be read: {error}. Nothing was imported.")


def parse(data: bytes, notes: Notes, *, exact: bool = False) -> Any:  # noqa: ANN401 - JSON
    """The JSON document in bytes, in UTF-8, UTF-16 or UTF-32. Halves of characters in it are replaced, and unless it is
    to be ``exact``, so are bytes that are no characters, and values that are nested too deeply or numbers that are too
    long are left out. All of this is noted.

    Raises:
        DamagedError: it is none; the message names the place.
    """
    values = sum(map(data.count, (b",", b"[", b"{")))
    if values > MOST_VALUES:
        raise DamagedError(f"it has more than {MOST_VALUES:,} values. Split it")
    decode = patient_loads if values > MANY_VALUES else json.loads
    encoding = json.detect_encoding(data)
    text = _decoded(data, encoding, notes, exact=exact)
    try:
        document = _read(text, decode, notes, exact=exact)
        # In UTF-16 a half of a character is a character like any other; in UTF-8 only escapes can spell it.
        if not may_have_halves(data) and encoding.startswith("utf-8"):
            return document
        return whole_characters(document if exact else shallow(document, DEEPEST, notes), notes)
    except json.JSONDecodeError as error:
        end = ", where it ends too early: was it cut off?" if error.pos >= len(error.doc.rstrip()) else ""
        raise DamagedError(f"it is not valid JSON from line {error.lineno:,} on{end}") from error
    except RecursionError as error:
        raise DamagedError("it is nested too deeply") from error
    except ValueError as error:
        raise DamagedError("it has a number that is too long to read") from error


def _read(text: str, decode: Callable[[str], Any], notes: Notes, *, exact: bool) -> Any:  # noqa: ANN401 - JSON
    try:
        return decode(text)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError):
        if exact:
            raise
        return decode(_readable(text, notes))


def _decoded(data: bytes, encoding: str, notes: Notes, *, exact: bool) -> str:
    try:
        return data.decode(encoding, "strict" if encoding.startswith("utf-8") else "surrogatepass")
    except UnicodeDecodeError as error:
        if exact:
            raise DamagedError(f"it is not text in UTF-8: byte {error.start + 1:,} is wrong") from error
        notes.replaced("bytes that are not text")
        return data.decode(encoding, "replace")


def _readable(text: str, notes: Notes) -> str:
    """The text of JSON with null in the place of what cannot be read of it."""
    pieces: list[str] = []
    kept = depth = begin = 0
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            begin = token.start() if depth == DEEPEST + 1 else begin
        elif first in "]}":
            depth -= 1
            if depth == DEEPEST:
                notes.left_out("values that are nested too deeply")
                pieces += text[kept:begin], "null"
                kept = token.end()
        elif first != '"' and depth <= DEEPEST:
            notes.left_out("numbers that are too long")
            pieces += text[kept : token.start()], "null"
            kept = token.end()
    return "".join([*pieces, text[kept:]])
