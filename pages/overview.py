"""The overview page: the workspaces, and the agents at work in each."""

from ui.overview import overview

overview()
