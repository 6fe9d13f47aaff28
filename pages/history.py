"""The history page: all conversations, to look through and to read."""

from ui.history.desk import desk

desk()
