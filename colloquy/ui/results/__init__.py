"""The results of a session: tables, charts and files."""
