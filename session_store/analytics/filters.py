"""Selects the conversations that figures are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

EVERYTHING: Final = "true"
"""The condition of filters that exclude nothing."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters of conversations. Empty means all. ``workspaces`` are ids. ``tags`` are compared without case; one match
    is enough. ``statuses`` are those of turns: a conversation matches if one of its turns has one. ``states`` are those
    of conversations (``SessionStatus``)."""

    saved_only: bool = False
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    def condition(self) -> tuple[str, list[Any]]:
        """Return a condition on the rows of ``session``, with its parameters."""
        terms, values = (["saved"] if self.saved_only else []), []
        for column, wanted in (
            ("agent", self.agents),
            ("user_id", self.users),
            ("workspace_id", self.workspaces),
            ("state", self.states),
        ):
            if wanted:
                values.append(list(wanted))
                terms.append(f"list_contains(${len(values)}::varchar[], {column})")
        for table, column, wanted in (("answered", "model", self.models), ("turn", "status", self.statuses)):
            if wanted:
                values.append(list(wanted))
                terms.append(
                    f"session_no in (select session_no from {table} "
                    f"where list_contains(${len(values)}::varchar[], {column}))"
                )
        if self.tags:
            values.append([tag.lower() for tag in self.tags])
            terms.append(f"list_has_any(${len(values)}::varchar[], list_transform(tags, lambda tag: lower(tag)))")
        return " and ".join(terms) or EVERYTHING, values
