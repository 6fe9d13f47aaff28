"""The DuckDB file: opens, migrates, writes in transactions and repairs it."""
