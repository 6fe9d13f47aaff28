"""The conversations that the browser benchmark shows: many short ones and a few long ones."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from google.adk.events.event import Event
from google.genai import types

from colloquy.runtime.turns.messages import user_content
from session_store import DuckDBSessionService, Store
from session_store.models import SessionKey, TitleSource, Turn, TurnStatus

USER = "local"
MODEL = "scripted/one"
SESSIONS, LONG = 100, 3
LONG_MESSAGES, SHORT_MESSAGES = 500, 6
HOUR = 3600.0

ANSWER = """Here is what I found about **number {n}**:

- the first point is short;
- the second one mentions `some_code({n})` and is a little longer than the first;
- the third one ends the list.

```python
def answer(question: str) -> str:
    return question.upper()
```

The quick brown fox jumps over the lazy dog, and then it does so again for good measure."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One session: ``messages`` alternate between the user and the agent, beginning with the user."""

    id: str
    title: str
    messages: tuple[str, ...]
    updated_at: float

    @property
    def end(self) -> str:
        """A text that only its newest message contains."""
        return mark(self.title, len(self.messages))


def mark(title: str, number: int) -> str:
    return f"[{title}, message {number}]"


def conversations() -> list[Conversation]:
    """Returns all of them, newest first: the long ones are at the top of the list."""
    now = time.time()
    made = []
    for place in range(SESSIONS):
        title = f"Long talk {place + 1}" if place < LONG else f"Short talk {place + 1}"
        count = LONG_MESSAGES if place < LONG else SHORT_MESSAGES
        messages = tuple(
            f"Tell me about number {n}, please. {mark(title, n)}" if n % 2 else f"{ANSWER.format(n=n)} {mark(title, n)}"
            for n in range(1, count + 1)
        )
        made.append(Conversation(f"00000000-0000-4000-8000-{place:012d}", title, messages, now - place * 5 * HOUR))
    return made


def fill(database: Path) -> None:
    """Writes all of them to a new database file."""
    store = Store(database)
    try:
        asyncio.run(_fill(store, DuckDBSessionService(store)))
    finally:
        store.close()


async def _fill(store: Store, service: DuckDBSessionService) -> None:
    made = conversations()
    await asyncio.gather(*(_write(store, service, conversation) for conversation in made))


async def _write(store: Store, service: DuckDBSessionService, conversation: Conversation) -> None:
    key = SessionKey("assistant", USER, conversation.id)
    await asyncio.to_thread(store.sessions.create, key, model=MODEL)
    await asyncio.to_thread(store.sessions.rename, key, conversation.title, TitleSource.PERSON)
    session = await service.get_session(app_name=key.app_name, user_id=key.user_id, session_id=key.session_id)
    assert session
    begin = conversation.updated_at - 60.0 * len(conversation.messages)
    turn_id = ""
    for place, text in enumerate(conversation.messages):
        at = begin + 60.0 * (place + 1)
        asks = place % 2 == 0
        if asks:
            turn_id = str(uuid.uuid4())
            await asyncio.to_thread(store.turns.create, _turn(turn_id, key, text, at))
        author, role = ("user", "user") if asks else (key.app_name, "model")
        content = types.Content(role=role, parts=[types.Part(text=text)])
        await service.append_event(session, Event(author=author, invocation_id=turn_id, timestamp=at, content=content))
    await asyncio.to_thread(store.sessions.mark_seen, key)


def _turn(turn_id: str, key: SessionKey, text: str, at: float) -> Turn:
    return Turn(
        id=turn_id,
        key=key,
        status=TurnStatus.COMPLETED,
        message=user_content(text).model_dump(mode="json", exclude_none=True),
        model=MODEL,
        created_at=at,
        started_at=at,
        first_token_at=at + 0.2,
        ended_at=at + 2.0,
    )
