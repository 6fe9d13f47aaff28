"""Pieces of the history page."""
