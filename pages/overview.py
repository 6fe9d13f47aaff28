"""The overview page: the workspaces, and the agents at work in each."""
