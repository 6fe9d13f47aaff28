"""The SQL page: own questions about the history."""

from ui.console.desk import desk

desk()
