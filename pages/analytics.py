"""The analytics page: what was said, as figures and charts."""

from colloquy.ui.analytics.page import desk

desk()
