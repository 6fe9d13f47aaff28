"""Store errors that a user can cause, each with a message that says what to do."""

from collections.abc import Mapping
from typing import Any, Final

_MUST: Final = {
    "missing": "is missing",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "url_parsing": "must be a complete URL, such as http://localhost:8080",
    "url_scheme": "must be a URL that starts with http:// or https://",
    "json_invalid": "is not valid JSON",
    "string_pattern_mismatch": "contains characters that are not allowed",
}


def wrong_value(problem: Mapping[str, Any]) -> str:
    """Return what a value must be, as a replacement for the parser's own message. ``problem`` is one of the errors that
    pydantic lists."""
    must, context = _MUST.get(problem["type"]), problem.get("ctx") or {}
    try:
        if isinstance(problem.get("input"), str) and problem["type"] in {"too_short", "too_long"}:
            must = _MUST[f"string_{problem['type']}"]
        if context.get("min_length") == 1:
            return "must not be empty"
        return must.format_map(context) if must else str(problem["msg"]).removeprefix("Value error, ")
    except KeyError:  # an error of the same type, but with different context
        return str(problem["msg"])


class ColloquyError(Exception):
    """Base class of every error that Colloquy shows to the user as a message.

    ``str(error)`` is a sentence for the user: what happened and what to do about it.
    """


class StoreError(ColloquyError):
    """The store could not do what was requested."""


class StoreLockedError(StoreError):
    """Another process holds the database file."""


class StoreTooNewError(StoreError):
    """A newer version of Colloquy wrote the database file."""


class StoreDamagedError(StoreError):
    """DuckDB cannot read the database file."""


class StoreNotWritableError(StoreError):
    """The data folder or the database file is not writable (permissions, read-only medium)."""


class StoreFullError(StoreError):
    """A write did not fit on the disk. Everything acknowledged before it is still there."""


NOTHING_IS_KEPT: Final = (StoreFullError, StoreNotWritableError)
"""Errors that mean that nothing at all can be written until the user fixes the disk."""


class StoreClosedError(StoreError):
    """The store was used after it was closed."""


class WorkspaceError(StoreError):
    """A workspace cannot be created or changed as requested."""


class UnknownWorkspaceError(WorkspaceError):
    """The workspace does not exist, or was deleted."""


class CursorError(StoreError):
    """The cursor does not belong to this list."""


class HistoryError(StoreError):
    """An action on the history is not possible; the message says what to do."""
