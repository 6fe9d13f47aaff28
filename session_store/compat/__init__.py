"""Private parts of google-adk and google-genai that the store needs, with the versions that they apply to."""
