"""``/adk``: ADK's own API server on top of Colloquy's sessions and turns."""
