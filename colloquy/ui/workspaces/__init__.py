"""Pieces of the pages about workspaces."""
