"""Runs the queries of results again."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import structlog

from colloquy.agents.agent import Agent
from colloquy.agents.data.charts import checked_spec
from colloquy.agents.data.database import Database
from colloquy.agents.data.errors import ConnectionInvalidError
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.agents.tools.data_tools import CHART_ROWS
from colloquy.agents.toolsets import HISTORY
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.results import ResultGoneError, ResultOrigin
from colloquy.runtime.services import Services
from session_store.errors import ColloquyError
from session_store.models import Result, SessionSummary

log = structlog.get_logger()


class Reruns:
    """Runs the queries of results again, a few at once, on threads of their own."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._threads = ThreadPoolExecutor(4, "rerun-result")
        self._cancellation = Cancellation()

    def start(self, result: Result) -> Future[Result]:
        """Run the query of a result again, as a new result of the same turn, with the same title and chart.

        Raises:
            ResultGoneError: it was removed, or has no query.
            DataError: the query, the chart or the connection no longer works; says why.
        """

        def announce(done: Future[Result]) -> None:
            if (error := done.exception()) and not isinstance(error, ColloquyError):
                log.error("a result could not be run again", result=result.id, exc_info=error)
            self._services.bus.publish(BusEvent(EventKind.SESSION_CHANGED, result.key, result.turn_id))

        running = self._threads.submit(self._run, result.id)
        running.add_done_callback(announce)
        return running

    def close(self) -> None:
        """Stop the queries that run, and those that wait; returns when all have ended."""
        self._cancellation.cancel()
        self._threads.shutdown()

    def _run(self, result_id: str) -> Result:
        services = self._services
        result = services.store.results.get(result_id)
        session = services.store.sessions.find(result.key) if result else None
        if result is None or session is None:
            raise ResultGoneError("This result no longer exists.")
        if result.sql is None:
            raise ResultGoneError("This result has no query to run again.")
        database = _database(services, services.agents.find(result.key.app_name), session)
        bounds = services.bounds
        if result.spec:
            bounds = replace(bounds, rows=min(bounds.rows, CHART_ROWS))
        answer = database.query(result.sql, bounds, self._cancellation)
        if result.spec:
            checked_spec(result.spec, answer.table)
        return services.results.add_query(
            ResultOrigin(result.key, result.turn_id, result.call_id), result.title, answer, result.spec
        )


def _database(services: Services, agent: Agent | None, session: SessionSummary) -> Database:
    if agent and HISTORY in agent.tools:
        return services.workspaces.history(services.history_scope(session.key))
    database = services.workspaces.database(session.workspace_id)
    if database is None:
        raise ConnectionInvalidError(
            "The workspace of this chat no longer has a data connection. Add one, then run this again."
        )
    return database
