"""Private parts of google-adk, google-genai and Python that the store needs, with the versions that they apply to."""
