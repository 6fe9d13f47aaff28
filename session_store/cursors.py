"""Cursors of lists: the place after which a page begins, as opaque text."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from session_store.errors import CursorError


def encode_cursor(*place: object) -> str:
    """Return the cursor of a place: the values that the list is sorted by, of its last row."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def decode_cursor(cursor: str, of: str, *kinds: type) -> tuple[Any, ...]:
    """Return the values of a place, converted to ``kinds``; ``object`` takes any value as it is.

    Raises:
        CursorError: the cursor is not one of the list, which the message calls ``of``.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return tuple(value if kind is object else kind(value) for kind, value in zip(kinds, values, strict=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise CursorError(f"This is not a valid cursor for {of}. Start again without one.") from error
