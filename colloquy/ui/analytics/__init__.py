"""Pieces of the analytics page."""
