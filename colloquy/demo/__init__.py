"""Conversations that nobody held: a year of them, to see what the pages make of it."""

from colloquy.demo.filling import fill
from colloquy.demo.mark import is_demo

__all__ = ["fill", "is_demo"]
