"""The part of the history that a session may query: the filters of the page on which it was started."""

from __future__ import annotations

from colloquy.agents.data.history_scope import HistoryScope, in_words
from colloquy.runtime.services import Services
from session_store.models import SessionKey


def scope_of(services: Services, key: SessionKey) -> HistoryScope | None:
    """Return the scope stored with a session; None if it may query everything.

    Raises:
        ScopeInvalidError: the stored scope cannot be read.
    """
    return HistoryScope.of_state(services.store.session_state(key))


def words_of(services: Services, scope: HistoryScope) -> list[str]:
    """Describe a scope in phrases for an agent, with the names of workspaces and times in UTC."""
    names = {workspace.id: workspace.name for workspace in services.store.list_workspaces()}
    return in_words(scope, workspace=lambda one: names.get(one, one))
