"""JSON files, read with errors that name the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from session_store.exchange.errors import ImportRefusedError
from session_store.exchange.notes import Notes, may_have_halves, whole_characters

LARGEST: Final = 2_000_000_000


def load(path: Path, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """The JSON document in a file. See ``parse``.

    Raises:
        ImportRefusedError: it cannot be read; the message names the place.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ImportRefusedError(
                f"{path} is larger than {LARGEST // 1_000_000} MB. Split it, or import a database."
            )
        return parse(path.read_bytes(), str(path), notes)
    except OSError as error:
        raise ImportRefusedError(f"{path} cannot be read: {error.strerror or error}.") from error


def parse(data: bytes, what: str, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """The JSON document in bytes. Halves of characters in it are replaced and noted.

    Raises:
        ImportRefusedError: it is none; the message names the place.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
        return whole_characters(document, notes) if may_have_halves(data) else document
    except json.JSONDecodeError as error:
        end = " It ends too early: was it cut off?" if error.pos >= len(error.doc.rstrip()) else ""
        raise ImportRefusedError(
            f"{what} is not valid JSON from line {error.lineno:,} on.{end} Nothing was imported."
        ) from error
    except UnicodeDecodeError as error:
        raise ImportRefusedError(
            f"{what} is not text in UTF-8: byte {error.start + 1:,} is wrong. Nothing was imported."
        ) from error
    except RecursionError as error:
        raise ImportRefusedError(f"{what} is nested too deeply. Nothing was imported.") from error
    except ValueError as error:
        raise ImportRefusedError(f"{what} has a number that is too long to read. Nothing was imported.") from error
