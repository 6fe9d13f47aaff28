"""Data that agents may query, read-only and within bounds. Imports nothing: the worker's process must start fast."""
