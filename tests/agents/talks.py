"""Conversations with agents through a real ADK Runner with streaming, and the store's session service."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types

from colloquy.agents.agent import AgentContext
from colloquy.agents.catalogue import AgentCatalogue
from session_store.transcripts.parts import text_of
from tests.agents.agent_contexts import Kept

USER, SESSION = "user", "s-1"


class Talk:
    """One session with an agent. ``kept`` holds the results of its tools."""

    def __init__(self, model, *, agent="data_analyst", sessions=None, **context):
        self.agent = AgentCatalogue().get(agent) if isinstance(agent, str) else agent
        self.kept = Kept()
        self.model = model
        self.sessions = sessions or InMemorySessionService()
        self.context = AgentContext(sink=self.kept, **context)
        self.live = []

    async def say(self, text, *, stop_at=lambda _: False, **changes):
        """Return the complete events of the turn, as stored; partial ones are in ``live``.

        The turn is stopped at the first stored event for which ``stop_at`` is true.
        """
        abort = asyncio.Event()
        app = self.agent.app(self.model, replace(self.context, **changes))
        runner = Runner(app=app, app_name=self.agent.id, session_service=self.sessions, auto_create_session=True)
        running = runner.run_async(
            user_id=USER,
            session_id=SESSION,
            new_message=types.Content(role="user", parts=[types.Part(text=text)]),
            run_config=RunConfig(streaming_mode=StreamingMode.SSE),
            abort_signal=abort,
        )
        self.live = []
        stored = []
        async with aclosing(running) as events:
            async for event in events:
                (self.live if event.partial else stored).append(event)
                if not event.partial and stop_at(event):
                    abort.set()
        return stored

    async def events(self):
        session = await self.sessions.get_session(app_name=self.agent.id, user_id=USER, session_id=SESSION)
        return session.events if session else []


def calls_of(events):
    return [call for event in events for call in event.get_function_calls()]


def responses_of(events):
    return [response for event in events for response in event.get_function_responses()]


def answer_of(events):
    return text_of(events[-1].content)


def unanswered(events):
    """Calls without a response, and responses without a call."""
    return {call.id for call in calls_of(events)} ^ {response.id for response in responses_of(events)}
