"""Everything that the store offers for the history of conversations."""

from __future__ import annotations

from session_store.history.branches import StoredBranches
from session_store.history.labels import StoredLabels
from session_store.history.listing import StoredTable
from session_store.history.queries import StoredQueries
from session_store.history.search import StoredSearch
from session_store.history.untouched import StoredUntouched


class StoredHistory(StoredTable, StoredSearch, StoredLabels, StoredBranches, StoredQueries, StoredUntouched):
    """The part of the store for the history."""
