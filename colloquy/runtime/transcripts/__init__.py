"""Transcript logs: what happens in each session as JSON Lines."""
