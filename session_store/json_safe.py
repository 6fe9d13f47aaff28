"""What Python has in its values and JSON has not.

Halves of characters (lone surrogates of UTF-16): languages with 16-bit characters cut texts between them, and nothing
writes them as UTF-8. Two that belong together are joined; any other becomes U+FFFD.

Numbers that are none: they become the words NaN, Infinity and -Infinity, where pydantic would write null, and Python
what other programs cannot read. State alone keeps them, as ADK's session services do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
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
    return _mended(value, numbers=False)  # type: ignore[no-any-return]


def as_json(value: T) -> T:
    """A value that every reader of JSON understands: no unpaired surrogates, and words for NaN and infinity."""
    return _mended(value, numbers=True)  # type: ignore[no-any-return]


def mend(model: BaseModel) -> None:
    """Make a model one that can be written as JSON without a loss, in place: halves of characters, numbers that are
    none, except in state, and numbers and arrays of numpy."""
    free = _free_fields(type(model))
    for name, value in model.__dict__.items():
        mended = _mended(value, numbers=name in free)
        if mended is not value:
            model.__dict__[name] = mended
    if model.__pydantic_extra__:
        model.__pydantic_extra__.update(as_json(model.__pydantic_extra__))


@cache
def _free_fields(kind: type[BaseModel]) -> frozenset[str]:
    """The fields of a model that take whatever somebody has. A field for numbers takes no words."""
    return frozenset(
        name for name, field in kind.model_fields.items() if "Any" in str(field.annotation) and name != "state_delta"
    )


def _mended(value: Any, *, numbers: bool) -> Any:  # noqa: ANN401 - whatever JSON or a model has
    if isinstance(value, str):
        return joined(value) if type(value) is str else value  # not a member of an enumeration
    if isinstance(value, BaseModel):
        mend(value)
    elif isinstance(value, Mapping):
        return {_mended(name, numbers=numbers): _mended(inner, numbers=numbers) for name, inner in value.items()}
    elif isinstance(value, (list, tuple)):
        items = [_mended(inner, numbers=numbers) for inner in value]
        return items if isinstance(value, list) else tuple(items)
    elif numbers and isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    elif type(value).__module__ == "numpy" and hasattr(value, "tolist"):  # numbers and arrays, which JSON does not know
        return _mended(value.tolist(), numbers=numbers)
    return value
