"""Errors of the store that a person can cause, each with a message that says what to do."""


class ColloquyError(Exception):
    """Base of every error that Colloquy shows to a person as a message.

    ``str(error)`` is a sentence for that person: what happened and what to do about it.
    """


class StoreError(ColloquyError):
    """The store could not do what it was asked to do."""


class StoreLockedError(StoreError):
    """Another process holds the database file."""


class StoreTooNewError(StoreError):
    """The database file was written by a newer version of Colloquy."""


class StoreDamagedError(StoreError):
    """The database file is not one that DuckDB can read."""


class StoreNotWritableError(StoreError):
    """The data folder or its file cannot be written (permissions, read-only medium)."""


class StoreFullError(StoreError):
    """A write did not fit on the disk. Everything acknowledged before is still there."""


class StoreClosedError(StoreError):
    """The store was used after it was closed."""


class WorkspaceError(StoreError):
    """A workspace does not exist, or cannot be what it was asked to become."""
