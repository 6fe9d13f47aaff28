"""Which conversations figures are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty means all. ``statuses`` are those of turns: a conversation is chosen if one of its turns has one."""

    saved_only: bool = False
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()

    def condition(self) -> tuple[str, list[Any]]:
        """A condition on the rows of ``session``, with its parameters."""
        terms, values = (["saved"] if self.saved_only else []), []
        for column, wanted in (("agent", self.agents), ("user_id", self.users), ("workspace", self.workspaces)):
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
        return " and ".join(terms) or "true", values
