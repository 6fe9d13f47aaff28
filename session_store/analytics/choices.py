"""What the filters can choose from."""

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
    """Values that occur, in order. ``saved`` is how many conversations are. ``models`` have the names that their
    providers have for them, ``model_ids`` says under which ids each of these is chosen."""

    saved: int
    agents: list[str]
    users: list[str]
    workspaces: list[str]
    states: list[str]
    models: list[str]
    tags: list[str]
    model_ids: dict[str, list[str]]

    def chosen_as(self, models: tuple[str, ...]) -> list[str]:
        """The ids under which any of these models is chosen, in order."""
        return sorted({model_id for model in models for model_id in self.model_ids.get(model, [])})


def choices(connection: duckdb.DuckDBPyConnection) -> Choices:
    """Those of the facts in this database."""
    saved, agents, users, workspaces, states, models, tags = connection.execute(_SQL).fetchall()[0]
    ids = connection.execute("select name, list(id order by id) from alias group by name").fetchall()
    return Choices(saved, agents, users, workspaces, states, models, tags, dict(ids))
