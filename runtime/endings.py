"""What is kept of an answer that does not end by itself. How it ended is in ``session_store.endings``."""

from __future__ import annotations

import time
from collections.abc import Container

from google.adk.events.event import Event
from google.genai import types

from session_store.adk_service import END_OF_TIME
from session_store.endings import ending_of, has_words
from session_store.parts import USER


def whole(event: Event, streamed: str, in_use: Container[str]) -> Event:
    """An event as it is to be kept: with what was ``streamed`` of it where it has no words itself, marked if it was
    ended early, under an id of its own, and at a time."""
    changes: dict[str, object] = {}
    if ending_of(event) and event.author != USER:
        if streamed and not has_words(event):
            parts = [types.Part(text=streamed), *((event.content.parts if event.content else None) or ())]
            changes["content"] = types.Content(role="model", parts=parts)
        if streamed or has_words(event):
            changes["interrupted"] = True
    if event.id in in_use:
        changes["id"] = Event.new_id()
    if not 0 <= event.timestamp < END_OF_TIME:
        changes["timestamp"] = time.time()
    return event.model_copy(update=changes) if changes else event
