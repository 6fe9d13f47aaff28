"""What agents are given in tests."""

from __future__ import annotations

from colloquy.agents.agent import AgentContext


class Kept:
    """A ResultSink that records results by session id."""

    def __init__(self):
        self.tables = []
        self.charts = []

    async def add_table(self, context, *, title, result):
        self.tables.append((context.session.id, title, result))

    async def add_chart(self, context, *, title, result, spec):
        self.charts.append((context.session.id, title, result, spec))


NOTHING = AgentContext(sink=Kept())
