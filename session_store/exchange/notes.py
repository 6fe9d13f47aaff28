"""Counts what an import left out or changed, by name: nothing is lost without a note."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

MOST_NAMES: Final = 100
"""Most different things that one import names, since a file can have any number of unknown fields."""
LONGEST_NAME: Final = 60
BACKWARDS: Final = "message times that run backwards with the time before"
OTHERS: Final = "other things"
DEEPEST: Final = 250
"""Most levels of nested objects and lists in a file. No known program reaches a tenth of them."""
DEEPEST_VALUE: Final = 200
"""Most levels of a value in an event or a state."""

_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class Change(StrEnum):
    """What happened to something in a file that could not be imported unchanged."""

    LEFT_OUT = "left out"
    REPLACED = "replaced"
    CONVERTED = "converted"
    ADDED = "added"


class Note(NamedTuple):
    """One kind of thing, what happened to it, and how often."""

    change: Change
    what: str
    number: int


@dataclass(slots=True)
class Notes:
    """Counts what happens to content of a file that has no place here."""

    _numbers: Counter[tuple[Change, str]] = field(default_factory=Counter)

    def left_out(self, what: str, number: int = 1) -> None:
        """Note something that was not imported."""
        self._add(Change.LEFT_OUT, what, number)

    def replaced(self, what: str, number: int = 1) -> None:
        """Note something that could not be kept and was replaced."""
        self._add(Change.REPLACED, what, number)

    def converted(self, what: str, number: int = 1) -> None:
        """Note something that was imported in another form."""
        self._add(Change.CONVERTED, what, number)

    def added(self, what: str, number: int = 1) -> None:
        """Note something that the file lacks and a chat needs."""
        self._add(Change.ADDED, what, number)

    def update(self, other: Notes) -> None:
        """Add the counts of other notes."""
        for (change, what), number in other._numbers.items():
            self._add(change, what, number)

    def all(self) -> tuple[Note, ...]:
        """Returns all counts, grouped by what happened, the most frequent first."""
        order = list(Change)
        found = [Note(change, what, number) for (change, what), number in self._numbers.items()]
        return tuple(sorted(found, key=lambda note: (order.index(note.change), -note.number, note.what)))

    def _add(self, change: Change, what: str, number: int) -> None:
        if number <= 0:
            return
        if (change, what) not in self._numbers and len(self._numbers) >= MOST_NAMES:
            what = OTHERS
        self._numbers[change, what] += number


def in_words(notes: Iterable[Note]) -> list[str]:
    """Returns a sentence for each kind of change. Names from the file are in backticks."""
    lists: dict[Change, list[str]] = {}
    for note in notes:
        lists.setdefault(note.change, []).append(f"{note.what} ({note.number:,})")
    return [f"{change.value.capitalize()}: {', '.join(names)}." for change, names in lists.items()]


def quoted(name: object) -> str:
    """Returns a name from a file, such as a field's, as notes show it: short, on one line, in backticks."""
    plain = "".join(sign if sign.isprintable() and sign != "`" else " " for sign in str(name)[: LONGEST_NAME + 1])
    words = " ".join(plain.split())
    return f"`{words[:LONGEST_NAME]}…`" if len(words) > LONGEST_NAME else f"`{words}`"


def of_role(role: str) -> str:
    """Describes the role of messages, for use after a word for them."""
    return f"with the role {quoted(role)}" if role.strip() else "without a role"


def has_content(value: object) -> bool:
    """Whether a JSON value contains more than null, false, zero and blanks, at any level."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            if one.strip():
                return True
        elif one:
            return True
    return False


def more_values_than(limit: int, value: object) -> bool:
    """Whether objects and lists contain more than ``limit`` values in total."""
    number, waiting = 0, [value]
    while waiting and number <= limit:
        one = waiting.pop()
        if isinstance(one, (dict, list)):
            number += len(one)
            waiting += one.values() if isinstance(one, dict) else one
    return number > limit


def nested_deeper_than(limit: int, value: object) -> bool:
    """Whether objects and lists are nested deeper than ``limit`` levels."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def shallow(value: Any, levels: int, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """Returns a JSON value with null in place of objects and lists nested deeper than ``levels``."""
    if not isinstance(value, (dict, list)):
        return value
    if not levels:
        notes.left_out("values that are nested too deeply", has_content(value))
        return None
    if isinstance(value, list):
        return [shallow(inner, levels - 1, notes) for inner in value]
    return {name: shallow(inner, levels - 1, notes) for name, inner in value.items()}


def may_have_halves(data: bytes) -> bool:
    """Whether JSON in bytes can contain unpaired surrogates, which only escapes can produce."""
    return _ESCAPED_HALF.search(data) is not None


def whole_characters(value: Any, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """Returns a JSON value in which unpaired surrogates, which no text can hold, are replacement characters."""
    if isinstance(value, str):
        whole, number = _HALF_CHARACTER.subn("\ufffd", value)
        notes.replaced("invalid characters (unpaired surrogates)", number)
        return whole
    if isinstance(value, dict):
        return {whole_characters(name, notes): whole_characters(inner, notes) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole_characters(inner, notes) for inner in value]
    return value
