"""The history of all conversations: its table, search, tags and notes, branches, and saved queries."""
