"""ADK's session service over the store."""
