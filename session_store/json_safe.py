"""Replaces what Python values can hold and JSON cannot.

Unpaired surrogates of UTF-16: languages with 16-bit characters cut texts between the two halves of a character, and no
half can be encoded as UTF-8. Two halves that belong together are joined; any other becomes U+FFFD.

NaN and infinities: they become the strings NaN, Infinity and -Infinity. Otherwise pydantic would write null, and Python
something that other programs cannot read. Only session state keeps them, as ADK's session services do.
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
    """Return the text without unpaired surrogates: join the pairs, replace the others."""
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_off_half(text: str) -> tuple[str, str]:
    """Split off a high surrogate at the end of the text: the next text may bring the other half of the character."""
    if text and _FIRST_HALVES[0] <= text[-1] <= _FIRST_HALVES[1]:
        return text[:-1], text[-1]
    return text, ""


def without_halves(value: T) -> T:
    """Return a JSON value without unpaired surrogates in its strings and keys."""
    return _mended(value, numbers=False)  # type: ignore[no-any-return]


def as_json(value: T) -> T:
    """Return a value that every JSON reader understands: no unpaired surrogates, and strings for NaN and infinity."""
    return _mended(value, numbers=True)  # type: ignore[no-any-return]


def mend(model: BaseModel) -> None:
    """Make a model serializable as JSON without loss, in place: replace unpaired surrogates, NaN and infinity (except
    in state), and numpy's numbers and arrays."""
    free = _free_fields(type(model))
    for name, value in model.__dict__.items():
        mended = _mended(value, numbers=name in free)
        if mended is not value:
            model.__dict__[name] = mended
    if model.__pydantic_extra__:
        model.__pydantic_extra__.update(as_json(model.__pydantic_extra__))


@cache
def _free_fields(kind: type[BaseModel]) -> frozenset[str]:
    """Return the model's fields that take any value. Numeric fields cannot hold strings."""
    return frozenset(
        name for name, field in kind.model_fields.items() if "Any" in str(field.annotation) and name != "state_delta"
    )


def _mended(value: Any, *, numbers: bool) -> Any:  # noqa: ANN401 - any value of JSON or of a model
    if isinstance(value, str):
        return joined(value) if type(value) is str else value  # leave members of an enumeration
    if isinstance(value, BaseModel):
        mend(value)
    elif isinstance(value, Mapping):
        return {_mended(name, numbers=numbers): _mended(inner, numbers=numbers) for name, inner in value.items()}
    elif isinstance(value, (list, tuple)):
        items = [_mended(inner, numbers=numbers) for inner in value]
        return items if isinstance(value, list) else tuple(items)
    elif numbers and isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    elif type(value).__module__ == "numpy" and hasattr(value, "tolist"):  # arrays too, which JSON does not know
        return _mended(value.tolist(), numbers=numbers)
    return value
