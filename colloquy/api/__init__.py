"""What is served beside the pages: the REST API, its events, and the routes of ADK."""

from colloquy.api.http.encoded_ids import keep_encoded_slashes

keep_encoded_slashes()  # before any route is made
