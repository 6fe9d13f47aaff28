"""The history of all conversations: labels, tables of it, search, branches, and queries that people ask."""
