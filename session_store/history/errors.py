"""The error of what people do with the history."""

from __future__ import annotations

from session_store.errors import StoreError


class HistoryError(StoreError):
    """Something that was asked of the history cannot be done; the message says what to do."""
