"""The SQL page: own questions about the history."""
