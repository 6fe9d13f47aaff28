"""Colloquy: agents, the turns that run them, the API and the pages."""
