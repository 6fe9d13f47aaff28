"""The analytics page: what was said, as figures and charts."""

from colloquy.ui.analytics.page import analytics_page

analytics_page()
