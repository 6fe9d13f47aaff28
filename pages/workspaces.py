"""The page about workspaces: all of them as a tree, and the chosen one with its data."""

from ui.workspace_manager import workspace_manager

workspace_manager()
