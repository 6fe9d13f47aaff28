"""Benchmarks that anyone can run; each compares with a named peer in the same run."""
