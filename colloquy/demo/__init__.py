"""A year of made-up conversations, to see the pages with data."""

from colloquy.demo.filling import fill
from colloquy.demo.mark import is_demo

__all__ = ["fill", "is_demo"]
