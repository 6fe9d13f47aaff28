"""Reads sessions from ADK's own files and databases, of every version."""
