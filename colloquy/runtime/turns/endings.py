"""What is stored of an answer that does not end normally, and how an error that ends a turn is explained to the person.
``session_store.transcripts.endings`` has the texts for the reasons that providers give for ending an answer."""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from typing import Any

from google.adk.agents.invocation_context import LlmCallsLimitExceededError
from google.adk.events.event import Event
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.tool_context import ToolContext
from google.genai import types

from colloquy.agents.models.failures import Party, explain
from session_store.adk.service import END_OF_TIME
from session_store.errors import ColloquyError
from session_store.json_safe import joined
from session_store.transcripts.endings import ending_of
from session_store.transcripts.parts import USER, text_of

EMPTY = "The agent ended without an answer."

_OWN_MODEL = Party("The model of this agent", "its provider", "the key that the agent uses")
_LIBRARIES = frozenset({"pydantic", "pydantic_core", "json", "google", "openai", "litellm", "httpx", "aiohttp"})
"""Packages whose errors describe their own internals."""


def in_words(error: BaseException) -> str:
    """Describe any error that ends a turn in a sentence for the person. Details for developers go to the log."""
    if isinstance(error, ColloquyError):
        return joined(str(error))
    if isinstance(error, LlmCallsLimitExceededError):
        return "The agent reached the limit of model calls for one turn, so the turn was ended. Try a smaller request."
    if isinstance(error, Exception) and (explained := explain(error, _OWN_MODEL)):
        return joined(str(explained))
    said = joined(str(error)).strip()
    if isinstance(error, SystemExit | KeyboardInterrupt):
        said = "it tried to end the program."
    elif isinstance(error, KeyError):
        said = f"it looked for {said}, which is not there."
    elif not said or type(error).__module__.partition(".")[0] in _LIBRARIES:
        return "The agent failed because of data that it could not process. See the log for details."
    return f"The agent failed: {said}"


def says_nothing(event: Event) -> bool:
    """Whether an event has nothing that a person sees: no text, call, code, file or output."""
    parts = (event.content.parts if event.content else None) or ()
    shown = any(map(_is_shown, parts))
    return not (shown or event.output is not None or event.output_transcription or event.actions.artifact_delta)


def _is_shown(part: types.Part) -> bool:
    besides = part.model_dump(exclude_none=True, exclude={"text", "thought", "thought_signature"})
    return not part.thought and bool((part.text or "").strip() or besides)


def whole(event: Event, streamed: Sequence[types.Part], in_use: Container[str]) -> Event:
    """Return an event as it is to be stored. If it has no text of its own, it gets what was ``streamed`` of it; if it
    was ended early and has any content, it is marked as interrupted. It gets a new id if its own is in use, and the
    current time if its own is invalid."""
    changes: dict[str, object] = {}
    if ending_of(event) and event.author != USER:
        own = (event.content.parts if event.content else None) or []
        thinks = any(part.thought for part in own)
        lost = [] if text_of(event.content) else [part for part in streamed if not (part.thought and thinks)]
        if lost:
            changes["content"] = types.Content(role="model", parts=[*lost, *own])
        if lost or own:
            changes["interrupted"] = True
    if event.id in in_use:
        changes["id"] = Event.new_id()
    if not 0 <= event.timestamp < END_OF_TIME:
        changes["timestamp"] = time.time()
    return event.model_copy(update=changes) if changes else event


class CallsOfCutAnswers(BasePlugin):
    """Keeps the calls of an answer that was ended early from running: they may be only half of what the model was about
    to do, or something that its provider has blocked. The agent then ends, as the answer did."""

    def __init__(self) -> None:
        super().__init__("colloquy_calls_of_cut_answers")

    async def before_tool_callback(
        self,
        *,
        tool: BaseTool,  # noqa: ARG002 - as ADK calls it
        tool_args: dict[str, Any],  # noqa: ARG002
        tool_context: ToolContext,
    ) -> dict[str, Any] | None:
        """Answer such a call instead of its tool."""
        call_id = tool_context.function_call_id
        answers = (
            event
            for event in reversed(tool_context.session.events)
            if any(call.id == call_id for call in event.get_function_calls())
        )
        answer = next(answers, None)
        ending = ending_of(answer) if answer else None
        if ending is None:
            return None
        tool_context.actions.skip_summarization = True
        return {"error": f"This call was not run. {ending.reason}"}
