"""ADK's session service on top of the store."""
