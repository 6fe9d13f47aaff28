"""What an import did not take as it was, counted by name: nothing is lost without a note."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

MOST_NAMES: Final = 100
"""Different things that one import names. A file can have any number of fields that nobody has heard of."""
LONGEST_NAME: Final = 60
BACKWARDS: Final = "message times that run backwards with the time before"
OTHERS: Final = "other things"
DEEPEST: Final = 250
"""Levels of objects and lists in each other that a file may have. No program that is known here has a tenth of them."""
DEEPEST_VALUE: Final = 200
"""Levels that a value can have that an event or a state holds."""

_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class Change(StrEnum):
    """What became of something in a file that could not be taken as it was."""

    LEFT_OUT = "left out"
    REPLACED = "replaced"
    CONVERTED = "converted"
    ADDED = "added"


class Note(NamedTuple):
    """One kind of thing, what became of it, and how many there were."""

    change: Change
    what: str
    number: int


@dataclass(slots=True)
class Notes:
    """Counts what becomes of the content of a file that has no place here."""

    _numbers: Counter[tuple[Change, str]] = field(default_factory=Counter)

    def left_out(self, what: str, number: int = 1) -> None:
        """Note something that was not taken."""
        self._add(Change.LEFT_OUT, what, number)

    def replaced(self, what: str, number: int = 1) -> None:
        """Note something that has something else in its place, as it cannot be kept."""
        self._add(Change.REPLACED, what, number)

    def converted(self, what: str, number: int = 1) -> None:
        """Note something that was taken in another form."""
        self._add(Change.CONVERTED, what, number)

    def added(self, what: str, number: int = 1) -> None:
        """Note something that the file lacks and a chat needs."""
        self._add(Change.ADDED, what, number)

    def update(self, other: Notes) -> None:
        """Take over what another one has counted."""
        for (change, what), number in other._numbers.items():
            self._add(change, what, number)

    def all(self) -> tuple[Note, ...]:
        """Everything that was counted: by what became of it, the most frequent first."""
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
    """A sentence for each kind of change. Names out of a file stand between backticks."""
    lists: dict[Change, list[str]] = {}
    for note in notes:
        lists.setdefault(note.change, []).append(f"{note.what} ({note.number:,})")
    return [f"{change.value.capitalize()}: {', '.join(names)}." for change, names in lists.items()]


def quoted(name: object) -> str:
    """A name out of a file, such as that of a field, as the notes have it: short, on one line, between backticks."""
    plain = "".join(sign if sign.isprintable() and sign != "`" else " " for sign in str(name)[: LONGEST_NAME + 1])
    words = " ".join(plain.split())
    return f"`{words[:LONGEST_NAME]}…`" if len(words) > LONGEST_NAME else f"`{words}`"


def of_role(role: str) -> str:
    """Whose messages are meant, after the word for them."""
    return f"with the role {quoted(role)}" if role.strip() else "without a role"


def has_content(value: object) -> bool:
    """Whether a value of JSON says something: neither null, false, zero and blanks nor made of nothing but these."""
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
    """Whether objects and lists have more values in them than this, all together."""
    number, waiting = 0, [value]
    while waiting and number <= limit:
        one = waiting.pop()
        if isinstance(one, (dict, list)):
            number += len(one)
            waiting += one.values() if isinstance(one, dict) else one
    return number > limit


def nested_deeper_than(limit: int, value: object) -> bool:
    """Whether objects and lists stand in each other to more levels than this."""
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
    """A value of JSON with null in the place of objects and lists that are nested deeper than so many levels."""
    if not isinstance(value, (dict, list)):
        return value
    if not levels:
        notes.left_out("values that are nested too deeply", has_content(value))
        return None
    if isinstance(value, list):
        return [shallow(inner, levels - 1, notes) for inner in value]
    return {name: shallow(inner, levels - 1, notes) for name, inner in value.items()}


def may_have_halves(data: bytes) -> bool:
    """Whether JSON in bytes can have unpaired surrogates: only escapes can spell them."""
    return _ESCAPED_HALF.search(data) is not None


def whole_characters(value: Any, notes: Notes) -> Any:  # noqa: ANN401 - JSON
    """A JSON value in which every half of a character, which no text can hold, is a replacement character."""
    if isinstance(value, str):
        whole, number = _HALF_CHARACTER.subn("\ufffd", value)
        notes.replaced("invalid characters (unpaired surrogates)", number)
        return whole
    if isinstance(value, dict):
        return {whole_characters(name, notes): whole_characters(inner, notes) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole_characters(inner, notes) for inner in value]
    return value
