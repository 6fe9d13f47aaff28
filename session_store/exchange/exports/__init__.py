"""Exports: reads whole conversations and writes them in each format."""
