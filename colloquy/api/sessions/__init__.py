"""Sessions, their turns and messages over HTTP."""
