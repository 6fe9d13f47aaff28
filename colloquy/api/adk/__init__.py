"""``/adk``: ADK's own API server over Colloquy's sessions and turns."""
