"""Halves of characters (lone surrogates of UTF-16).

Languages with 16-bit characters cut texts between them, and nothing writes them as UTF-8. Two that belong together are
joined; any other becomes U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel

_HALF: Final = re.compile("[\ud800-\udfff]")
_FIRST_HALVES: Final = ("\ud800", "\udbff")

T = TypeVar("T")


def joined(text: str) -> str:
    """The text without unpaired surrogates."""
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_off_half(text: str) -> tuple[str, str]:
    """The text without the first half of a character at its end, and that half: the next text may bring the other."""
    if text and _FIRST_HALVES[0] <= text[-1] <= _FIRST_HALVES[1]:
        return text[:-1], text[-1]
    return text, ""


def without_halves(value: T) -> T:
    """A value as JSON has it, without unpaired surrogates in its texts and names."""
    return _mended(value)  # type: ignore[no-any-return]


def mend(model: BaseModel) -> None:
    """Take the halves of characters out of all texts of a model, in place, and numbers and arrays out of numpy."""
    for name, value in model.__dict__.items():
        mended = _mended(value)
        if mended is not value:
            model.__dict__[name] = mended
    if model.__pydantic_extra__:
        model.__pydantic_extra__.update(without_halves(model.__pydantic_extra__))


def _mended(value: Any) -> Any:  # noqa: ANN401 - whatever JSON or a model has
    if isinstance(value, str):
        return joined(value) if type(value) is str else value  # not a member of an enumeration
    if isinstance(value, BaseModel):
        mend(value)
    elif isinstance(value, Mapping):
        return {_mended(name): _mended(inner) for name, inner in value.items()}
    elif isinstance(value, (list, tuple)):
        items = [_mended(inner) for inner in value]
        return items if isinstance(value, list) else tuple(items)
    elif type(value).__module__ == "numpy" and hasattr(value, "tolist"):  # numbers and arrays, which JSON does not know
        return _mended(value.tolist())
    return value
