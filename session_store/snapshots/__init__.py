"""Copies of the store's file, made while it is in use."""
