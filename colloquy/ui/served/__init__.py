"""Serves the pages: the HTML document, host names, and what happens at startup and shutdown."""
