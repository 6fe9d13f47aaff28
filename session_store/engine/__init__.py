"""The DuckDB file: opened, migrated, written in transactions, mended."""
