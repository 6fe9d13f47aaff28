"""Runs the query of a result again."""

from __future__ import annotations

from dataclasses import replace

from colloquy.agents.agent import Agent
from colloquy.agents.data.charts import checked_spec
from colloquy.agents.data.database import Database
from colloquy.agents.data.errors import ConnectionInvalidError
from colloquy.agents.tools.data_tools import CHART_ROWS
from colloquy.agents.toolsets import HISTORY
from colloquy.runtime.history_scope import scope_of
from colloquy.runtime.results import Origin, ResultGoneError
from colloquy.runtime.services import Services
from session_store.models import Result, SessionSummary


def rerun(services: Services, result_id: str) -> Result:
    """Return a new result of the same turn, with the same title and chart. Blocks as long as the query takes.

    Raises:
        ResultGoneError: it was removed, or has no query.
        DataError: the query, the chart or the connection no longer works.
    """
    result = services.store.get_result(result_id)
    session = services.store.find_session(result.key) if result else None
    if result is None or session is None:
        raise ResultGoneError("This result no longer exists.")
    if result.sql is None:
        raise ResultGoneError("This result has no query to run again.")
    database = _database(services, services.agents.find(result.key.app_name), session)
    bounds = services.bounds
    if result.spec:
        bounds = replace(bounds, rows=min(bounds.rows, CHART_ROWS))
    answer = database.query(result.sql, bounds)
    if result.spec:
        checked_spec(result.spec, answer.table)
    return services.results.add_query(
        Origin(result.key, result.turn_id, result.call_id), result.title, answer, result.spec
    )


def _database(services: Services, agent: Agent | None, session: SessionSummary) -> Database:
    if agent and HISTORY in agent.tools:
        return services.workspaces.history(scope_of(services, session.key))
    database = services.workspaces.database(session.workspace_id)
    if database is None:
        raise ConnectionInvalidError(
            "The workspace of this chat no longer has a data connection. Add one, then run this again."
        )
    return database
