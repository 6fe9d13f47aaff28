"""Workspaces and the data connections that they carry."""
