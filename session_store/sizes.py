"""How large a value of JSON is, without writing it out."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from google.genai import types
from pydantic import BaseModel


def characters_in(value: object, most: int = sys.maxsize) -> int:
    """About how many characters a value has as JSON; where they are more than ``most``, some number above that."""
    size, left = 0, [value]
    while left and size <= most:
        one = left.pop()
        if isinstance(one, str | bytes):
            size += len(one)
        elif isinstance(one, Mapping):
            size += sum(len(str(name)) for name in one)
            left += one.values()
        elif isinstance(one, BaseModel) and not isinstance(one, types.Part):  # which is a picture or a file
            left += one.__dict__.values()
        elif isinstance(one, list | tuple):
            size += len(one)
            left += one
        elif one is not None:
            size += max(1, int(getattr(one, "nbytes", 1)))  # an array
    return size
