"""The SQL page: own questions about the history."""

from colloquy.ui.sql.page import desk

desk()
