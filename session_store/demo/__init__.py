"""Conversations that nobody held: a year of them, to see what the pages make of it."""

from session_store.demo.filling import fill
from session_store.demo.mark import is_demo

__all__ = ["fill", "is_demo"]
