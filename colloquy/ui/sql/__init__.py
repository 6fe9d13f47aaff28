"""The SQL console: an editor, the tables, earlier queries, and results."""
