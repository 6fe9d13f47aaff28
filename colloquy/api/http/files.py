"""Downloads: files that a browser saves under their own names and never shows as a page of this server."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final
from urllib.parse import quote

LONGEST_NAME = 80
MOST_BYTES: Final = 200
"""The most bytes of a name: file systems allow 255, and an extension is added."""

OWN: Final = {"Cross-Origin-Resource-Policy": "same-origin"}
"""Headers that keep pages of other sites from embedding a file."""


def file_name(title: str) -> str:
    """A title without the characters that file systems reject; empty if nothing is left of it."""
    printable = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in title)
    name = " ".join(re.sub(r'[\\/:*?"<>|]', " ", printable).split())[:LONGEST_NAME]
    return name.encode()[:MOST_BYTES].decode("utf-8", "ignore").strip(" .")


def saved_as(name: str) -> dict[str, str]:
    """The headers that save a file under this name."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\\x00-\x1f\x7f]', "", letters).strip()
    plain = plain if plain.rpartition(".")[0] else f"result{plain}"
    return {
        **OWN,
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
    }


def file_answer(*mime_types: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of a route that answers with a file of one of these types."""
    binary = {"type": "string", "format": "binary"}
    content = {kind: {"schema": {} if kind == "application/json" else binary} for kind in mime_types}
    return {200: {"description": "The file.", "content": content}}
