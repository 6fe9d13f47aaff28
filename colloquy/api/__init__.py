"""Everything served besides the pages: the REST API, its events, and ADK's routes."""

from colloquy.api.http.paths import keep_encoded_slashes

keep_encoded_slashes()  # before any route is created
