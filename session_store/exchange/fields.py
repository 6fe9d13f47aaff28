"""JSON objects that record which of their fields were never read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from session_store.exchange.notes import Notes, has_content, quoted

_EARLIEST: Final = 100_000_000.0
"""Times before 1973 are not real: programs without a time write zero or count from it."""
_LATEST: Final = 4_102_444_800.0
"""Nor are times from 2100 on."""
_SMALLER_UNITS: Final = (1_000.0, 1_000_000.0, 1_000_000_000.0)
_EARLIEST_IN_THEM: Final = 946_684_800.0
"""Programs that count milliseconds or smaller units are younger than 2000. The year 9999 in seconds would be 1978 in
milliseconds."""
_LARGEST_COUNT: Final = 2**31


class Fields:
    """An object of a file. ``finish`` notes each field that has content but was never read. An object or a list counts
    as read once it is taken apart (``inner``, ``below``, ``items``, ``objects``) or taken whole (``whole``); looking at
    it (``value``) is not enough.

    A field of the wrong type is converted if possible and left out otherwise; both are noted. The content of a file
    never raises an error here.
    """

    __slots__ = ("_below", "_notes", "_path", "_unread", "_values")

    def __init__(self, value: object, notes: Notes, path: str = "") -> None:
        """``path`` is the object's name in notes; empty if its fields are named without it."""
        self._values: Mapping[str, Any] = value if isinstance(value, dict) else {}
        self._unread = set(self._values)
        self._notes = notes
        self._path = path
        self._below: list[Fields] = []

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def names(self) -> list[str]:
        """Returns the names of all fields."""
        return list(self._values)

    def finish(self) -> None:
        """Note the unread fields of this object and of the objects below it."""
        for name in self._unread:
            if has_content(self._values[name]):
                self._notes.left_out(self._name(name))
        for inner in self._below:
            inner.finish()

    def ignore(self, *names: str) -> None:
        """Mark fields as read that add nothing new."""
        self._unread.difference_update(names)

    def value(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Returns a field unchanged. This does not mark the content of an object or a list as read."""
        value = self._values.get(name)
        if not isinstance(value, (dict, list)):
            self._unread.discard(name)
        return value

    def whole(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Returns a field unchanged; the caller keeps or notes all of it."""
        self._unread.discard(name)
        return self._values.get(name)

    def text(self, name: str) -> str:
        """Returns a text, converting numbers."""
        value = self.whole(name)
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self._notes.converted(self._name(name))
            return str(value)
        self._drop(name, value)
        return ""

    def flag(self, name: str) -> bool:
        """Returns a truth value."""
        value = self.whole(name)
        if isinstance(value, bool) or value is None:
            return bool(value)
        if value in (0, 1, "true", "false", "True", "False"):
            self._notes.converted(self._name(name))
            return value in (1, "true", "True")
        self._drop(name, value)
        return False

    def number(self, name: str) -> float | None:
        """Returns a finite number, converting texts that contain one."""
        value = self.whole(name)
        number = _number(value)
        if number is None:
            self._drop(name, value)
        elif isinstance(value, str):
            self._notes.converted(self._name(name))
        return number

    def count(self, name: str) -> int | None:
        """Returns a non-negative integer."""
        number = self.number(name)
        if number is None:
            return None
        if not 0 <= number < _LARGEST_COUNT or number != int(number):
            self._notes.left_out(self._name(name))
            return None
        return int(number)

    def time(self, name: str) -> float | None:
        """Returns a time in Unix seconds; leaves out what is not a time, or is earlier than any chat."""
        value = self.whole(name)
        at = time_of(value)
        if at is None and tells_time(value):
            self._notes.left_out(self._name(name))
        elif isinstance(value, str):
            self._notes.converted(self._name(name))
        return at

    def items(self, name: str) -> list[Any]:
        """Returns the items of a list, or a list of a single value."""
        value = self.whole(name)
        if isinstance(value, list):
            return value
        if not has_content(value):
            return []
        self._notes.converted(self._name(name))
        return [value]

    def inner(self, name: str) -> Fields:
        """Returns a nested object, which is empty if there is none."""
        value = self.whole(name)
        if not isinstance(value, dict):
            self._drop(name, value)
        return self.below(name, value)

    def objects(self, name: str) -> list[Fields]:
        """Returns the objects of a list."""
        items = self.items(name)
        for item in items:
            if not isinstance(item, dict):
                self._drop(name, item)
        return [self.below(name, item) for item in items if isinstance(item, dict)]

    def below(self, name: str, value: object) -> Fields:
        """Returns the content of a field as an object that is finished together with this one."""
        self._unread.discard(name)
        inner = Fields(value, self._notes, self._path + name + ".")
        self._below.append(inner)
        return inner

    def forget(self) -> None:
        """Mark everything in this object and below as read, because it was noted as a whole."""
        self._unread.clear()
        self._below.clear()

    def drop(self, name: str) -> None:
        """Leave out a field that was read, because its content cannot be imported."""
        self._unread.discard(name)
        self._drop(name, self._values.get(name))

    def _drop(self, name: str, value: object) -> None:
        if has_content(value):
            self._notes.left_out(self._name(name))

    def _name(self, name: str) -> str:
        return quoted(self._path + name)


def as_object(value: object, name: str) -> dict[str, Any]:
    """Returns JSON, which may be a string or a string within a string, as an object; wraps anything else in an object
    under ``name``."""
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                break
    return value if isinstance(value, dict) else {name: value}


def tells_time(value: object) -> bool:
    """Whether a field for a time contains anything, even zero, since replacing it is noted."""
    return has_content(value) or (isinstance(value, (int, float)) and not isinstance(value, bool))


def time_of(value: object) -> float | None:
    """Returns Unix seconds from seconds, milliseconds, microseconds, nanoseconds, or an ISO 8601 date and time."""
    number = _number(value)
    if number is None:
        if not isinstance(value, str):
            return None
        try:
            read = datetime.fromisoformat(value.strip())
            number = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    if _EARLIEST <= number < _LATEST:
        return number
    finer = (number / unit for unit in _SMALLER_UNITS)
    return next((seconds for seconds in finer if _EARLIEST_IN_THEM <= seconds < _LATEST), None)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
