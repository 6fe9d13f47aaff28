"""What agents can do besides talking, as tools of ADK."""

from colloquy.agents.tools.data_tools import DataTools, ResultSink

__all__ = ["DataTools", "ResultSink"]
