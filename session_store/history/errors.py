"""The error for actions on the history."""

from __future__ import annotations

from session_store.errors import StoreError


class HistoryError(StoreError):
    """An action on the history is not possible; the message says what to do."""
