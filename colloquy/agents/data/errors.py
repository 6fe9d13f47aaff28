"""Errors about data, each a sentence for the person (or the model) who asked."""

from __future__ import annotations

from typing import Final

from session_store.errors import ColloquyError


class DataError(ColloquyError):
    """A database query could not be answered."""


class ConnectionUnavailableError(DataError):
    """The database cannot be reached or opened."""


class ConnectionInvalidError(DataError):
    """The description of a connection is invalid."""


class SqlRefusedError(DataError):
    """The SQL is of a kind that is not run here."""


class SqlFailedError(DataError):
    """The engine reported an error, such as an unknown name or a wrong type."""


class QueryBoundError(DataError):
    """The query exceeded its time or memory and was stopped."""


class QueryStoppedError(DataError):
    """The query was stopped at the user's request."""

    WHILE_IT_RAN: Final = "The query was stopped."
    BEFORE_IT_BEGAN: Final = "The query was stopped before it began."
    WORDS: Final = (WHILE_IT_RAN, BEFORE_IT_BEGAN)


class UnknownTableError(DataError):
    """There is no table with this name."""


class ChartInvalidError(DataError):
    """A chart cannot be drawn as described."""
