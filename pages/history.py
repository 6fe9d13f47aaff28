"""The history page: all conversations, to look through and to read."""

from colloquy.ui.history.page import desk

desk()
