"""The analytics page: what was said, as figures and charts."""

from ui.analytics.desk import desk

desk()
