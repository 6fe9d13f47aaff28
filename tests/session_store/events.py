"""Events as produced by agents and users."""

from __future__ import annotations

import asyncio

from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.session import Session
from google.genai import types

from session_store import DuckDBSessionService, Store
from session_store.models import SessionKey


def said(text: str, *, author: str = "user", turn: str = "turn-1", **fields: object) -> Event:
    role = "user" if author == "user" else "model"
    content = types.Content(role=role, parts=[types.Part(text=text)])
    return Event(author=author, invocation_id=turn, content=content, **fields)


def changed(turn: str = "turn-1", **state: object) -> Event:
    return Event(author="agent", invocation_id=turn, actions=EventActions(state_delta=state))


def rewind(to: str) -> Event:
    return Event(author="user", invocation_id="rewind", actions=EventActions(rewind_before_invocation_id=to))


def text_of(event: Event) -> str:
    return "".join(part.text or "" for part in event.content.parts) if event.content and event.content.parts else ""


def texts(session: Session | None) -> list[str]:
    assert session is not None
    return [text_of(event) for event in session.events]


def append(store: Store, key: SessionKey, *events: Event) -> None:
    """Append through ADK's interface, like the runtime."""

    async def run() -> None:
        service = DuckDBSessionService(store)
        session = await service.get_session(app_name=key.app_name, user_id=key.user_id, session_id=key.session_id)
        assert session is not None
        for event in events:
            await service.append_event(session, event)

    asyncio.run(run())
