"""Imports: reads what a file contains, then writes one conversation at a time."""
