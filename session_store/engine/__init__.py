"""The DuckDB file: opens, migrates and repairs it, and writes to it in transactions."""
