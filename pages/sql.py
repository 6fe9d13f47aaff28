"""The SQL page: own questions about the history."""

from colloquy.ui.sql.page import sql_page

sql_page()
