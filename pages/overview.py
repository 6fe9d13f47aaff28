"""The overview page: the workspaces, and the agents at work in each."""

from colloquy.ui.workspaces.overview import overview

overview()
