"""Sessions in ADK's own files and databases, of every version."""
