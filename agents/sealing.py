"""Every tool call gets its response, also where a run fails between the two.

Without one, some models refuse the conversation from then on. ADK itself sees to runs that are stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from google.adk.agents.invocation_context import InvocationContext
from google.adk.events.event import Event
from google.adk.plugins.base_plugin import BasePlugin
from google.genai import types

NAME = "colloquy_sealing"


def open_calls(events: Iterable[Event], invocation_id: str) -> list[tuple[Event, types.FunctionCall]]:
    """The tool calls of an invocation that have no response, each with the event that it stands in."""
    own = [event for event in events if event.invocation_id == invocation_id]
    answered = {response.id for event in own for response in event.get_function_responses()}
    return [(event, call) for event in own for call in event.get_function_calls() if call.id not in answered]


def seals(events: Iterable[Event], invocation_id: str, reason: str) -> list[Event]:
    """Events that answer the open tool calls of an invocation with an error, to be appended to its session."""
    made = []
    for caller, calls in groupby(open_calls(events, invocation_id), key=lambda found: found[0]):
        parts = [types.Part(function_response=_refusal(call, reason)) for _, call in calls]
        made.append(
            Event(
                invocation_id=invocation_id,
                author=caller.author,
                branch=caller.branch,
                isolation_scope=caller.isolation_scope,
                content=types.Content(role="user", parts=parts),
            )
        )
    return made


def _refusal(call: types.FunctionCall, reason: str) -> types.FunctionResponse:
    return types.FunctionResponse(id=call.id, name=call.name, response={"error": reason})


class SealingPlugin(BasePlugin):
    """Answers the tool calls that are open when a run fails."""

    def __init__(self) -> None:
        super().__init__(NAME)

    async def on_run_error_callback(self, *, invocation_context: InvocationContext, error: Exception) -> None:
        """Called by ADK, which raises the error afterwards."""
        session, service = invocation_context.session, invocation_context.session_service
        reason = f"The run failed before this was done, with {type(error).__name__}: {error}"
        for event in seals(session.events, invocation_context.invocation_id, reason):
            await service.append_event(session, event)
