"""Importing: what a file holds is read, then written one conversation at a time."""
