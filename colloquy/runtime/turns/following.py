"""Follows a turn: yields its ADK events as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from google.adk.events.event import Event

from colloquy.runtime.turns.event_stream import EventStream
from colloquy.runtime.turns.turns import Turns
from session_store.models import Turn


async def follow(turns: Turns, turn: Turn) -> AsyncIterator[Event]:
    """Yield the events of a turn since it was submitted, or last answered, until it is over or waits for a person.

    These are the events that its ADK runner yields, in their order: the person's message first, partial ones as they
    arrive, complete ones once they are stored. A caller that follows right after ``submit``, ``submit_content`` or
    ``answer`` gets all of them; for a turn that ended a while ago, only the complete ones. Works in any event loop, at
    the caller's own pace. Leaving early does not stop the turn.
    """
    event_stream = turns.event_stream(turn.id)
    if event_stream is None:
        for stored in await asyncio.to_thread(turns.store.events_of_turn, turn):
            yield stored.event
        return
    async for event in _as_they_come(event_stream):
        yield event


async def _as_they_come(event_stream: EventStream) -> AsyncIterator[Event]:
    loop, news, position, over = asyncio.get_running_loop(), asyncio.Event(), 0, False

    def wake() -> None:
        with suppress(RuntimeError):  # the follower's loop is closed
            loop.call_soon_threadsafe(news.set)

    while not over:
        news.clear()
        events, over = event_stream.read(position, wake)
        for event in events:
            yield event
        position += len(events)
        if not events and not over:
            await news.wait()
