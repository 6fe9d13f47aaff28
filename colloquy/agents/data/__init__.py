"""Data that agents may query, read only and bounded. Imports nothing itself: the worker's process must start fast."""
