"""Results of a session: tables, charts and files."""
