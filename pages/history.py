"""The history page: all conversations, to look through and to read."""
