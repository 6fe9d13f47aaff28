"""Reads JSON files. Only what no JSON reader can hold is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from session_store.compat.json_decoder import patient_loads
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.notes import DEEPEST, Notes, may_have_halves, shallow, whole_characters
from session_store.files import BadFileError, read_bytes, require_regular

LARGEST: Final = 2_000_000_000
MOST_VALUES: Final = 10_000_000
"""Commas and brackets in a document: each value takes up to a hundred bytes of memory, however short it is. An ADK
event has 25 and a ChatGPT message 50, and twice as many if long, so this allows 100,000 messages in one file."""
MANY_VALUES: Final = 250_000
"""Documents with more values are read in pure Python. That takes a few times as long but lets everything else continue:
Python's C decoder holds the interpreter, and so all pages and turns, until it is done."""
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]|-?\d{4300,}(?:\.\d+)?(?:[eE][-+]?\d+)?', re.DOTALL)
"""Matches what determines nesting depth in JSON, and numbers too long for Python to read."""


def load(path: Path, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """Returns the JSON document in a file. See ``parse``.

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
    """Check a file before a library opens it. See ``require_regular``.

    Raises:
        ImportRefusedError: it is missing or cannot be read.
    """
    try:
        require_regular(path, *beside)
    except (FileNotFoundError, BadFileError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: FileNotFoundError | BadFileError) -> ImportRefusedError:
    """Returns the error for a file that cannot be opened for import."""
    if isinstance(error, FileNotFoundError):
        return ImportRefusedError(f"There is no file {path}.")
    return ImportRefusedError(f"{path} cannot be read: {error}. Nothing was imported.")


def parse(data: bytes, notes: Notes, *, exact: bool = False) -> Any:  # noqa: ANN401 - JSON
    """Returns the JSON document in bytes in UTF-8, UTF-16 or UTF-32. Unpaired surrogates are replaced. Unless ``exact``
    is set, invalid bytes are replaced as well, and values nested too deeply and numbers that are too long are left out.
    All of this is noted.

    Raises:
        DamagedError: it is not JSON; the message names the place.
    """
    values = sum(map(data.count, (b",", b"[", b"{")))
    if values > MOST_VALUES:
        raise DamagedError(f"it has more than {MOST_VALUES:,} values. Split it")
    decode = patient_loads if values > MANY_VALUES else json.loads
    encoding = json.detect_encoding(data)
    text = _decoded(data, encoding, notes, exact=exact)
    try:
        document = _read(text, decode, notes, exact=exact)
        # In UTF-16, an unpaired surrogate is a character like any other; in UTF-8, only escapes can produce one.
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
    """Returns the JSON text with null in place of what cannot be read."""
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
