"""How many characters the texts of people and programs may have, and how many of some things there may be: one table
for the store, the API and the pages."""

from __future__ import annotations

from typing import Final

LONGEST_MESSAGE: Final = 1_000_000
LONGEST_NOTE: Final = 10_000
"""What a person notes about a conversation."""
LONGEST_COMMENT: Final = 2_000
"""What a person says of an answer."""
LONGEST_ADDRESS: Final = 2_000
"""A path or a URL of data."""
LONGEST_SEARCH: Final = 500
LONGEST_TITLE: Final = 200
LONGEST_NAME: Final = 80
"""Of a workspace, of a connection, and of a query."""
LONGEST_TAG: Final = 40
LONGEST_RESULT: Final = 5_000_000
"""What a tool may answer, as JSON, and what an agent may set of its state at once. No model reads as much."""
MOST_OF_A_TURN: Final = 200_000_000
"""What an agent may give out in one turn, words, data and files together."""
LONGEST_STATE: Final = 20_000_000
"""What is imported of the state of a session, of a user or of an application, as JSON."""
LARGEST_FILES: Final = 100_000_000
"""Bytes of the files in one event, which a setting makes fewer."""
LARGEST_EVENT: Final = 200_000_000
"""Characters of one event as JSON that anything reads, its files included."""
MOST_PARTS: Final = 10_000
"""Of a message: words, thoughts, calls of tools and files."""
LONGEST_REASON: Final = 4_000
"""Why something failed, as it is told and kept: an error may carry all the data that it is about."""
LONGEST_QUERY: Final = 100_000
"""In SQL. What reads queries refuses longer ones, in a process that knows nothing of this table."""
MOST_RETENTION_DAYS: Final = 36_500
"""After so many days at most, chats that nobody touches are removed."""
MOST_TAGS: Final = 100
"""Of a conversation."""
MOST_FILES: Final = 100
"""Of a message."""
