"""The workspaces page: all workspaces as a tree, and the selected one with its data."""

from colloquy.ui.workspaces.manager import workspace_manager

workspace_manager()
