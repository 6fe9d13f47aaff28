"""The history page: all conversations, to look through and to read."""

from colloquy.ui.history.page import history_page

history_page()
