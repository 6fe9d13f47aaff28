"""Computes figures about conversations. Definitions:

- Deleted conversations, and what a rewind took back, are counted nowhere.
- A conversation counts in a period if it began or something happened in it during the period. Users are the users of
  such conversations.
- A message is an event with text. Tokens are those that events report: the model's input and output.
- A turn counts at the time when it was submitted. Durations run from its start; the failure rate covers turns that are
  over.
- Filters select conversations (see ``HistoryFilter``), and everything in them counts.
"""

from session_store.analytics.analytics import Analytics
from session_store.analytics.period import Period

__all__ = ["Analytics", "Period"]
