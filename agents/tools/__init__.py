"""What agents can do besides talking, as tools of ADK."""

from agents.tools.data_tools import DataTools
from agents.tools.results import ResultSink

__all__ = ["DataTools", "ResultSink"]
