"""The parts of the pages about workspaces."""
