"""Benchmarks that anyone can run, each against a named peer in the same run."""
