"""What can go wrong with data, each as a sentence for the person (or the model) who asked."""

from __future__ import annotations

from typing import Final

from session_store.errors import ColloquyError


class DataError(ColloquyError):
    """A question to a database could not be answered."""


class ConnectionUnavailableError(DataError):
    """The database cannot be reached or opened."""


class ConnectionInvalidError(DataError):
    """The description of a connection is not one."""


class SqlRefusedError(DataError):
    """The SQL is not of a kind that is run here."""


class SqlFailedError(DataError):
    """The engine reported an error: a name that is not there, a wrong type."""


class QueryBoundError(DataError):
    """The query took more time or memory than it may, and was stopped."""


class QueryStoppedError(DataError):
    """The query was stopped by whoever asked."""

    WHILE_IT_RAN: Final = "The query was stopped."
    BEFORE_IT_BEGAN: Final = "The query was stopped before it began."
    WORDS: Final = (WHILE_IT_RAN, BEFORE_IT_BEGAN)


class UnknownTableError(DataError):
    """There is no table of this name."""


class ChartInvalidError(DataError):
    """A chart cannot be drawn as described."""
