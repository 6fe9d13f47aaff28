"""Turns a session's events into what the user sees."""
