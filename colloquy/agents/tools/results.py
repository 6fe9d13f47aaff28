"""Where tools leave what they made for the person."""

from __future__ import annotations

from typing import Any, Protocol

from google.adk.tools.tool_context import ToolContext

from colloquy.agents.data.results import QueryResult


class ResultSink(Protocol):
    """Keeps tables and charts as results of the turn that a tool's context belongs to."""

    async def add_table(self, context: ToolContext, *, title: str, result: QueryResult) -> None:
        """Keep the rows of a query. ``result.sql`` is the query."""
        ...

    async def add_chart(self, context: ToolContext, *, title: str, result: QueryResult, spec: dict[str, Any]) -> None:
        """Keep a chart: a Vega-Lite specification without data, and the rows that it shows."""
        ...
