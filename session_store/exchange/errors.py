"""What can go wrong with files that come in or go out, in words for a person."""

from __future__ import annotations

from session_store.errors import ColloquyError


class ImportRefusedError(ColloquyError):
    """A file cannot be imported. Nothing of it was taken."""


class DamagedFileError(ImportRefusedError):
    """Some conversations of a file cannot be taken, so none was."""


class ExportError(ColloquyError):
    """Something cannot be exported, or not to where it was to go."""


class BackupError(ColloquyError):
    """No backup was made."""


class DamagedError(ColloquyError):
    """One conversation of a file cannot be taken. The message says which place of it is wrong."""
