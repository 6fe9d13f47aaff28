"""The page about import and export."""
