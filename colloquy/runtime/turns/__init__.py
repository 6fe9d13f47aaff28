"""Turns: a message taken in, run by ADK, and kept to its end."""
