"""The analytics page: figures and charts of all conversations."""

from colloquy.ui.analytics.page import analytics_page

analytics_page()
