"""Pieces of the page about import and export."""
