"""The line that marks the messages above it as no longer sent to the model."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from colloquy.agents.context import first_seen
from colloquy.runtime.application import current
from colloquy.ui.formatting import key_of
from session_store.models import SessionKey, StoredEvent
from session_store.transcripts.transcript import messages

WORDS = "Messages above this line are not sent to the model."

STYLE = f"""
[data-testid="stChatMessage"]:has(.st-key-copy-ID) {{ position: relative; margin-top: 2.25rem; }}
[data-testid="stChatMessage"]:has(.st-key-copy-ID)::before {{
  content: "{WORDS}"; position: absolute; inset: -2.5rem 0 auto 0; padding-bottom: 0.25rem; font-size: 0.75rem;
  text-align: center; opacity: 0.75; border-bottom: 1px dashed color-mix(in srgb, currentColor 40%, transparent);
}}
"""


def context_mark(key: SessionKey, events: Sequence[StoredEvent]) -> None:
    """Marks the first message on the page that the model saw for the last question, unless it saw all of them.

    The line moves with every message, but older messages are not redrawn each time, so the line is a style applied to
    the message below it.
    """
    marked = first_message(events, _seen(key))
    style = STYLE.replace("ID", key_of(marked)) if marked else ""
    st.html(f"<i></i><style>{style}</style>")


def first_message(events: Sequence[StoredEvent], seen: int) -> str | None:
    """Returns the id of the first message that the model sees.

    The model sees the last ``seen`` messages of the events. None if it sees all of them.
    """
    first = first_seen([stored.event for stored in events], seen)
    if first is None:
        return None
    place = next(number for number, stored in enumerate(events) if stored.event.id == first)
    above = len(messages(events[:place]))
    below = messages(events)[above:]
    return below[0].id if above and below else None


def _seen(key: SessionKey) -> int:
    """Returns how many messages the session's agent sees; 0 for all, also if ADK's own compaction summarizes old
    ones."""
    settings, agent = current().settings, current().agents.find(key.app_name)
    if settings.compaction:
        return 0
    return agent.messages_seen(settings.context_messages) if agent else settings.context_messages
