"""Reads event actions that ADK pickled (before version 1.22) without loading their classes.

A file cannot be trusted, and an application may have put objects into its state whose classes exist nowhere else. So
nothing in a pickle is called except a few data types. Everything else is rebuilt as inert objects: those of ADK's own
classes are read field by field; all others are left out and noted by name.
"""

from __future__ import annotations

import base64
import io
import pickle
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic_core import to_jsonable_python

from session_store.exchange.notes import Notes, quoted
from session_store.limits import LARGEST_EVENT

_DATA: Final = {
    "builtins": {"set", "frozenset"},
    "collections": {"OrderedDict", "defaultdict"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "uuid": {"UUID"},
}
"""The types that are loaded: they only make data from data, and a pickle cannot change them."""
_ADKS_OWN: Final = ("google.adk.", "google.genai.", "fastapi.openapi.")
_LARGEST: Final = 1_000_000
"""Values in the actions of one event. References can multiply a few bytes into any number of values or of long
texts."""
_LONGEST_NUMBER: Final = 14_000
"""Bits of a number that Python can write in digits."""


class _Inert:
    """An object whose class is not loaded."""

    origin: ClassVar[str] = ""

    def __new__(cls, *args: object, **_: object) -> _Inert:
        made = super().__new__(cls)
        made.args = args
        made.state = None
        return made

    def __init__(self, *args: object, **fields: object) -> None:
        """Accept any arguments."""

    args: tuple[object, ...]
    state: object

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, name: object, value: object) -> None:
        """Accept any item."""

    def append(self, value: object) -> None:
        """Accept any item."""

    extend = add = append

    def fields(self) -> Mapping[str, object] | None:
        """Returns the fields if this is an object of ADK's own."""
        state = self.state.get("__dict__") if isinstance(self.state, dict) else None
        return state if isinstance(state, dict) and self.origin.startswith(_ADKS_OWN) else None


class _Unpickler(pickle._Unpickler):  # noqa: SLF001 - the one in C takes as much memory as a file tells it to
    def find_class(self, module: str, name: str, /) -> Any:  # noqa: ANN401 - the base class's
        if name in _DATA.get(module, ()):
            return super().find_class(module, name)
        return type("_Inert", (_Inert,), {"origin": f"{module}.{name}"})


def actions_of(pickled: bytes, notes: Notes) -> dict[str, Any]:
    """Returns the fields of the pickled actions as JSON values. Whatever cannot be read is left out and noted."""
    try:
        loaded = _Unpickler(io.BytesIO(pickled)).load()
        fields = loaded.fields() if isinstance(loaded, _Inert) else loaded
        if isinstance(fields, Mapping):
            plain: dict[str, Any] = _Plain(notes).of(fields, "")
            return plain
    # A pickle can call the data types with arbitrary arguments, and can end anywhere.
    except Exception:  # noqa: BLE001, S110 - noted below
        pass
    notes.left_out("actions of events that cannot be read")
    return {}


class _UnreadableError(Exception):
    """A value that JSON cannot hold. ``what`` describes it."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what


class _Plain:
    """Turns the values of one pickle into JSON values."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._left = _LARGEST
        self._characters = LARGEST_EVENT

    def of(self, value: object, path: str) -> Any:  # noqa: ANN401 - JSON
        """Returns the value as JSON. Nested values that cannot be read are left out; if the value itself cannot be
        read, _UnreadableError is raised."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many values")
        if isinstance(value, (str, bytes, bytearray)):
            self._characters -= len(value)
            if self._characters < 0:
                raise ValueError("too many characters")
        if isinstance(value, _Inert):
            value = self._object(value)
        if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
            raise _UnreadableError("a number that is too long")
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (bytes, bytearray)):
            return self._bytes(bytes(value), path)
        if isinstance(value, Mapping):
            pairs = ((name if isinstance(name, str) else self._name(name), inner) for name, inner in value.items())
            return {name: plain for name, inner in pairs for plain in self._each([inner], f"{path}.{name}".lstrip("."))}
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._each(list(value), path)
        return to_jsonable_python(value)

    def _each(self, values: list[object], path: str) -> list[Any]:
        plain = []
        for value in values:
            try:
                plain.append(self.of(value, path))
            except _UnreadableError as error:
                self._notes.left_out(f"{quoted(path)}, of {quoted(error.what)}")
        return plain

    def _object(self, value: _Inert) -> object:
        fields = value.fields()
        if fields is not None:
            return fields
        if value.origin.startswith(_ADKS_OWN) and len(value.args) == 1 and isinstance(value.args[0], str):
            return value.args[0]  # of an enumeration
        raise _UnreadableError(value.origin)

    def _name(self, name: object) -> str:
        return str(self._object(name) if isinstance(name, _Inert) else name)

    def _bytes(self, value: bytes, path: str) -> str:
        self._notes.converted(f"{quoted(path)}, of bytes")
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
