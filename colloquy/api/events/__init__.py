"""Sends what happens in sessions to clients, as it happens."""
