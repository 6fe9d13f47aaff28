"""Exporting: conversations read whole, and written in each format."""
