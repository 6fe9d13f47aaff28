"""What was said, as figures. Definitions:

- What belongs to a deleted conversation, and what a rewind took back, is counted nowhere.
- A conversation counts in a period if it was begun in it or something happened in it. Users are those of such
  conversations.
- A message is an event with text. Tokens are those that events report: what a model was given and what it wrote.
- A turn counts where it was asked for. Times run from its start; the failure rate is that of turns that are over.
- Filters choose conversations, and everything in them counts: those of an agent, a workspace or a user; those in which
  a model answered; those in which a turn is in a status.
"""

from session_store.analytics.analytics import Analytics
from session_store.analytics.filters import Filters
from session_store.analytics.period import Period

__all__ = ["Analytics", "Filters", "Period"]
