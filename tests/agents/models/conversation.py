"""One conversation with a model, through a real ADK Runner with streaming."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from google.adk.agents import LlmAgent, RunConfig
from google.adk.agents.run_config import StreamingMode
from google.adk.events.event import Event
from google.adk.models import BaseLlm
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types


class Conversation:
    def __init__(
        self, llm: BaseLlm, *, tools: Sequence[Callable[..., Any]] = (), longest_answer: int | None = None
    ) -> None:
        agent = LlmAgent(
            name="assistant",
            model=llm,
            instruction="Answer briefly.",
            tools=list(tools),
            generate_content_config=types.GenerateContentConfig(max_output_tokens=longest_answer),
        )
        self.sessions = InMemorySessionService()
        self.runner = Runner(app_name="test", agent=agent, session_service=self.sessions)
        self.session_id: str | None = None

    async def events(self, text: str) -> AsyncGenerator[Event, None]:
        if self.session_id is None:
            self.session_id = (await self.sessions.create_session(app_name="test", user_id="user")).id
        running = self.runner.run_async(
            user_id="user",
            session_id=self.session_id,
            new_message=types.Content(role="user", parts=[types.Part(text=text)]),
            run_config=RunConfig(streaming_mode=StreamingMode.SSE),
        )
        async with aclosing(running) as events:
            async for event in events:
                yield event

    async def say(self, text: str) -> list[Event]:
        return [event async for event in self.events(text)]


def text_of(event: Event) -> str:
    return "".join(part.text or "" for part in (event.content and event.content.parts) or [])


def streamed(events: list[Event]) -> str:
    return "".join(text_of(event) for event in events if event.partial)
