"""The part of the history that a session may ask: the filters of the page that it was begun from."""

from __future__ import annotations

from colloquy.agents.data.history_scope import HistoryScope, in_words
from colloquy.runtime.services import Services
from session_store.models import SessionKey


def scope_of(services: Services, key: SessionKey) -> HistoryScope | None:
    """The scope that a session keeps; None if it may ask about everything.

    Raises:
        ScopeInvalidError: what it keeps cannot be read.
    """
    return HistoryScope.of_state(services.store.session_state(key))


def words_of(services: Services, scope: HistoryScope) -> list[str]:
    """A scope as phrases for an agent, with the names of workspaces and times in UTC."""
    names = {workspace.id: workspace.name for workspace in services.store.list_workspaces()}
    return in_words(scope, workspace=lambda one: names.get(one, one))
