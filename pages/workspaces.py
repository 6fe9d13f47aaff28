"""The page about workspaces: all of them as a tree, and the chosen one with its data."""

from colloquy.ui.workspaces.manager import workspace_manager

workspace_manager()
