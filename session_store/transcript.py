"""What a person sees of a session's events: messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.genai import types

from session_store.models import StoredEvent, Turn

USER = "user"


@dataclass(frozen=True, slots=True)
class Message:
    """One bubble. ``at`` is in Unix seconds; ``id`` is the event's, ``turn_id`` its invocation's."""

    id: str
    turn_id: str
    author: str
    text: str
    at: float
    partial: bool
    """The answer ended before it was complete."""

    @property
    def is_user(self) -> bool:
        """Whether the person wrote it."""
        return self.author == USER


def text_of(content: types.Content | None) -> str:
    """The text of a content that a person sees: its text parts joined, thoughts left out."""
    parts = (content.parts or []) if content else []
    return "".join(part.text for part in parts if part.text and not part.thought)


def message_text(turn: Turn) -> str:
    """The text of the message that set a turn off."""
    return text_of(types.Content.model_validate(turn.message))


def messages(events: Iterable[StoredEvent]) -> list[Message]:
    """The messages of events, in their order. Events without text have none."""
    return [
        Message(
            id=stored.event.id,
            turn_id=stored.event.invocation_id,
            author=stored.event.author,
            text=text,
            at=stored.event.timestamp,
            partial=bool(stored.event.interrupted),
        )
        for stored in events
        if (text := text_of(stored.event.content))
    ]
