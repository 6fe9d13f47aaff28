"""The history page: all conversations, to browse and read."""

from colloquy.ui.history.page import history_page

history_page()
