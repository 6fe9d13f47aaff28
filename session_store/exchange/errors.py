"""Errors of imports, exports and backups, worded for people."""

from __future__ import annotations

from session_store.errors import ColloquyError


class ImportRefusedError(ColloquyError):
    """A file cannot be imported. Nothing of it was imported."""


class DamagedFileError(ImportRefusedError):
    """Some conversations of a file cannot be imported, so none was."""


class ExportError(ColloquyError):
    """Something cannot be exported, or not to the chosen place."""


class BackupError(ColloquyError):
    """No backup was made."""


class DamagedError(ColloquyError):
    """One conversation of a file cannot be imported. The message names the place that is wrong."""
