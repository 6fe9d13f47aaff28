"""The SQL console: an editor, what there is to ask, what was asked before, and what was found."""
