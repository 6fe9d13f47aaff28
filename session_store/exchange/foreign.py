"""Events made from the messages of other programs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.adk.events.event import Event
from google.genai import types

from session_store.exchange import conversation as incoming
from session_store.exchange.conversation import About, Conversation, stable_id
from session_store.exchange.notes import Notes
from session_store.models import Feedback, SessionKey, TitleSource

USER: Final = "user"
_MILLISECONDS_FROM: Final = 1e11


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose conversations from other programs become: an agent's and a user's."""

    agent: str = "assistant"
    user: str = "local"


@dataclass(slots=True)
class Events:
    """Puts messages together to events, in their order. Each message of the person begins a turn."""

    agent: str
    session_id: str
    begin: float
    made: list[Event] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    _turn: str = ""

    def add(
        self,
        message_id: str,
        author: str,
        parts: list[types.Part],
        *,
        at: object = None,
        model: str | None = None,
        usage: types.GenerateContentResponseUsageMetadata | None = None,
        interrupted: bool = False,
    ) -> None:
        """Add an event, unless it has no parts. One without a time happens with the one before it, and none earlier."""
        if not parts:
            return
        before = self.made[-1].timestamp if self.made else self.begin
        if author == USER or not self._turn:
            self._turn = stable_id("turn", self.session_id, message_id)
        event_id = message_id
        if any(event.id == message_id for event in self.made[-3:]):
            event_id = stable_id("event", message_id, str(len(self.made)))
        is_answer = parts[0].function_response is not None
        self.made.append(
            Event(
                id=event_id,
                invocation_id=self._turn,
                author=author if author == USER else self.agent,
                content=types.Content(role="user" if author == USER or is_answer else "model", parts=parts),
                timestamp=max(before, seconds(at) if at is not None else before),
                model_version=model,
                usage_metadata=usage,
                interrupted=interrupted or None,
            )
        )


def conversation(
    events: Events, owner: Owner, *, title: str, updated_at: float, saved: bool, feedback: list[Feedback]
) -> Conversation:
    """The conversation with these events."""
    key = SessionKey(owner.agent, owner.user, events.session_id)
    incoming.unique(events.made)
    own_title = " ".join(incoming.checked_text(title, "the title").split())
    shown = own_title or incoming.checked_text(incoming.first_words(events.made), "the first message")
    last = events.made[-1].timestamp if events.made else max(events.begin, updated_at)
    about = About(
        key=key,
        created_at=min(events.begin, last),
        updated_at=last,
        seen_at=max(time.time(), last),
        title=shown,
        title_source=TitleSource.MODEL if own_title else TitleSource.WORDS if shown else TitleSource.NONE,
        saved=saved,
        turns=incoming.turns_of(key, events.made),
        feedback=tuple(feedback),
    )
    taken = tuple(incoming.new_event(event, f"message {event.id!r}") for event in events.made)
    return Conversation(about, taken, events.notes)


def seconds(value: object) -> float:
    """Unix seconds from seconds, milliseconds, microseconds or nanoseconds.

    Raises:
        DamagedError: it is no time.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        while _MILLISECONDS_FROM <= value < float("inf"):
            value /= 1000
    return incoming.checked_time(value, "a message's time")


def branch(nodes: Mapping[str, Any], last: object, parent: str) -> list[Mapping[str, Any]]:
    """The nodes of a tree from its root to ``last``; without it, to the newest leaf. ``parent`` names the field."""
    if last not in nodes:
        parents = {str(node.get(parent)) for node in nodes.values() if isinstance(node, dict)}
        leaves = [name for name, node in nodes.items() if isinstance(node, dict) and name not in parents]
        last = leaves[-1] if leaves else None
    path: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while isinstance(last, str) and last not in seen and isinstance(nodes.get(last), dict):
        seen.add(last)
        path.append(nodes[last])
        last = nodes[last].get(parent)
    path.reverse()
    return path


def as_dict(value: object) -> dict[str, Any]:
    """The value, if it is a JSON object; else an empty one."""
    return value if isinstance(value, dict) else {}
