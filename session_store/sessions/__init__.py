"""Sessions, events, turns and results in the store."""
