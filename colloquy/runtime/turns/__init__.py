"""Turns: accepting messages, running them with ADK, and storing how they end."""
