"""The tools over one database: look at its tables, query it, draw charts of it.

The docstrings of the tools are what the model reads.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar

from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.tool_context import ToolContext

from colloquy.agents.data.cells import json_rows
from colloquy.agents.data.charts import chart_spec, checked_spec
from colloquy.agents.data.database import Database, describe
from colloquy.agents.data.errors import ChartInvalidError, DataError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.results import QueryResult, TableInfo
from colloquy.agents.data.schema import Schema, schema_of
from colloquy.agents.data.workers.cancellation import Cancellation
from session_store.chart_specs import plain_title

SHOWN_ROWS: Final = 50
CHART_ROWS: Final = 5_000
_MOST_CHARACTERS: Final = 24_000
_MOST_CELLS: Final = 5_000
_FULL_TABLES: Final = 40

ToolResponse = dict[str, Any]
T = TypeVar("T")

# Queries wait for the process that runs them, so these threads do nothing but wait; the default pool stays free.
_THREADS: Final = ThreadPoolExecutor(32, "data-tools")


class ResultSink(Protocol):
    """Keeps tables and charts as results of the turn that a tool's context belongs to."""

    async def add_table(self, context: ToolContext, *, title: str, result: QueryResult) -> None:
        """Keep the rows of a query. ``result.sql`` is the query."""
        ...

    async def add_chart(self, context: ToolContext, *, title: str, result: QueryResult, spec: dict[str, Any]) -> None:
        """Keep a chart: a Vega-Lite specification without data, and the rows that it shows."""
        ...


class DataTools:
    """Tools over one database for one agent. What they find goes to the sink in full, to the model in short."""

    def __init__(self, database: Database, sink: ResultSink, *, bounds: Bounds | None = None) -> None:
        self._database = database
        self._sink = sink
        self._bounds = bounds or Bounds()
        self._client_id = str(uuid.uuid4())
        self.latest: QueryResult | None = None
        """What ``run_sql`` found last; None if that failed."""

    def tools(self) -> list[FunctionTool]:
        """The tools, for ``LlmAgent(tools=…)``."""
        return [FunctionTool(tool) for tool in (self.list_tables, self.describe_table, self.run_sql, self.make_chart)]

    async def list_tables(self) -> ToolResponse:
        """Lists the tables of the database: name, number of rows, columns with types, and what they mean.

        Call this first, before writing any SQL.

        Returns:
            'dialect' (the SQL to write) and 'tables', or 'error'.
        """
        try:
            tables = await self._off_the_loop(lambda _: self._database.tables())
        except DataError as error:
            return {"error": str(error)}
        listed = [_listed(table, with_columns=number < _FULL_TABLES) for number, table in enumerate(tables)]
        return {"dialect": self._database.dialect, "tables": listed}

    async def describe_table(self, table: str) -> ToolResponse:
        """Describes one table: exact number of rows, columns with types, sample rows, and the values of text columns
        that have only a few. Call it before filtering on a text column, to see how its values are written.

        Args:
            table: Name of the table as list_tables gives it.

        Returns:
            'name', 'rows', 'columns', 'sample' and 'values', or 'error'.
        """
        try:
            found = await self._off_the_loop(lambda cancellation: describe(self._database, table, cancellation))
        except DataError as error:
            return {"error": str(error)}
        answer = _listed(found.table, with_columns=True)
        answer["sample"] = {
            "columns": found.sample.column_names,
            "rows": json_rows(found.sample, found.sample.num_rows),
        }
        if found.values:
            answer["values"] = {name: list(values) for name, values in found.values.items()}
        return answer

    async def run_sql(self, sql: str, tool_context: ToolContext, title: str = "") -> ToolResponse:
        """Runs one SQL query (SELECT or WITH … SELECT) and shows its rows to the user as a table.

        The data is read only. Aggregate in SQL rather than fetching many rows: only the first 50 rows come back to
        you, while the user sees all of them. Never state a figure that is not in the rows that came back.

        Args:
            sql: One query in the dialect that list_tables names.
            title: A short title for the table, at most eight words.

        Returns:
            'columns', 'rows' (the first 50), 'row_count', 'truncated' and 'seconds', or 'error' with what to correct.
        """
        self.latest = None
        try:
            result = await self._queried(sql, self._bounds)
        except DataError as error:
            return {"error": str(error)}
        self.latest = result
        await self._sink.add_table(tool_context, title=title.strip(), result=result)
        return await self._off_the_loop(lambda _: answer_of(result))

    async def make_chart(  # noqa: PLR0917 - each is something that the model fills in
        self,
        title: str,
        sql: str,
        tool_context: ToolContext,
        mark: str = "bar",
        encoding: dict[str, Any] | None = None,
        vega_lite: dict[str, Any] | None = None,
    ) -> ToolResponse:
        """Draws a chart of the rows of a SQL query and shows it to the user.

        Args:
            title: Title of the chart.
            sql: One query whose columns the chart uses; aggregated and ordered, at most some hundred rows.
            mark: bar, line, area, point, arc, rect, boxplot or tick. Use line for values over time.
            encoding: Which column goes where, for instance {"x": "month", "y": "revenue", "color": "country"}.
                Instead of a name an object of Vega-Lite may stand, for instance {"field": "revenue", "type":
                "quantitative"}.
            vega_lite: Instead of mark and encoding, a whole Vega-Lite specification without data.

        Returns:
            What was drawn: 'columns', 'rows' (the first ones), 'row_count', or 'error' with what to correct.
        """
        try:
            bounds = Bounds(min(self._bounds.rows, CHART_ROWS), self._bounds.seconds, self._bounds.result_bytes)
            known = self.latest
            is_known = known is not None and known.sql == sql and known.rows <= bounds.rows
            result = known if known is not None and is_known else await self._queried(sql, bounds)
            if result.rows == 0:
                raise ChartInvalidError("The query returned no rows, so there is nothing to chart. Change the query.")
            # The first check of a chart loads a large library, which must not hold up other sessions.
            spec = await self._off_the_loop(lambda _: _spec(title, result, mark, encoding, vega_lite))
        except DataError as error:
            return {"error": str(error)}
        await self._sink.add_chart(tool_context, title=title.strip(), result=result, spec=spec)
        answer = await self._off_the_loop(lambda _: answer_of(result))
        return {"shown": f"The chart {title.strip()!r} is shown to the user."} | answer

    async def schema(self) -> Schema:
        """The tables, and the values of text columns that have only a few.

        Raises:
            DataError: the database cannot be reached.
        """
        return await self._off_the_loop(lambda cancellation: schema_of(self._database, cancellation))

    async def _queried(self, sql: str, bounds: Bounds) -> QueryResult:
        return await self._off_the_loop(lambda cancellation: self._database.query(sql, bounds, cancellation))

    async def _off_the_loop(self, work: Callable[[Cancellation], T]) -> T:
        """Run blocking work in a thread; cancelling the task stops the query that it runs."""
        cancellation = Cancellation(self._client_id)
        try:
            return await asyncio.get_running_loop().run_in_executor(_THREADS, work, cancellation)
        except asyncio.CancelledError:
            cancellation.cancel()
            raise


def answer_of(result: QueryResult) -> ToolResponse:
    """A result as the model gets it: JSON of a bounded length."""
    rows = json_rows(result.table, min(SHOWN_ROWS, max(1, _MOST_CELLS // max(1, len(result.columns)))))
    while rows and len(json.dumps(rows, ensure_ascii=False)) > _MOST_CHARACTERS:
        rows = rows[: len(rows) // 2]
    answer: ToolResponse = {
        "columns": list(result.columns),
        "rows": rows,
        "row_count": result.rows,
        "truncated": result.cut is not None,
        "seconds": round(result.seconds, 3),
    }
    if result.as_of is not None:
        answer["as_of"] = f"{datetime.fromtimestamp(result.as_of, UTC):%Y-%m-%d %H:%M:%S} UTC"
    notes = [result.note] if result.note else []
    if len(rows) < result.rows:
        notes.append(f"Only {len(rows)} of {result.rows:,} rows are listed here; the user sees all of them.")
    if notes:
        answer["note"] = " ".join(notes)
    return answer


def _spec(
    title: str,
    result: QueryResult,
    mark: str,
    encoding: dict[str, Any] | None,
    vega_lite: dict[str, Any] | None,
) -> dict[str, Any]:
    if vega_lite:
        return checked_spec({"title": plain_title(title), **vega_lite}, result.table)
    return chart_spec(title, result.table, mark, encoding or _first_columns(result))


def _first_columns(result: QueryResult) -> dict[str, Any]:
    if len(result.columns) < 2:
        raise ChartInvalidError("A chart needs encodings, for instance {'x': 'month', 'y': 'revenue'}.")
    return {"x": result.columns[0], "y": result.columns[1]}


def _listed(table: TableInfo, *, with_columns: bool) -> ToolResponse:
    answer: ToolResponse = {"name": table.name, "rows": table.rows}
    if table.rows is not None and not table.is_exact:
        answer["rows_are_estimated"] = True
    if table.comment:
        answer["comment"] = table.comment
    if with_columns:
        answer["columns"] = {
            column.name: f"{column.type} -- {column.comment}" if column.comment else column.type
            for column in table.columns
        }
    return answer
