"""Workspaces in the store."""
