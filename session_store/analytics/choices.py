"""The values that the filters offer."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb


def _values(column: str) -> str:
    return f"coalesce(list(distinct {column} order by {column}) filter ({column} is not null), [])"


_SQL = f"""
    select count(*) filter (saved), {", ".join(map(_values, ("agent", "user_id", "workspace_id", "state")))},
        (select {_values("model")} from answered),
        (select coalesce(list(tag order by lower(tag)), []) from (
            select mode(tag) as tag from (select unnest(tags) as tag from session) group by lower(tag)
        ))
    from session
"""


@dataclass(frozen=True, slots=True)
class Choices:
    """Existing values, sorted. ``saved`` is the number of saved conversations. ``models`` are their providers' names;
    ``model_ids`` maps each name to the ids under which it is chosen."""

    saved: int
    agents: list[str]
    users: list[str]
    workspaces: list[str]
    states: list[str]
    models: list[str]
    tags: list[str]
    model_ids: dict[str, list[str]]

    def chosen_as(self, models: tuple[str, ...]) -> list[str]:
        """Return the ids under which any of these models is chosen, sorted."""
        return sorted({model_id for model in models for model_id in self.model_ids.get(model, [])})


def choices(connection: duckdb.DuckDBPyConnection) -> Choices:
    """Return the choices among the facts in this database."""
    saved, agents, users, workspaces, states, models, tags = connection.execute(_SQL).fetchall()[0]
    ids = connection.execute("select name, list(id order by id) from alias group by name").fetchall()
    return Choices(saved, agents, users, workspaces, states, models, tags, dict(ids))
