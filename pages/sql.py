"""The SQL page: the user's own queries on the history."""

from colloquy.ui.sql.page import sql_page

sql_page()
