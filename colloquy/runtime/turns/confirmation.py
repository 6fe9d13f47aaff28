"""Tools that ask the person for approval before they run: the questions, and the answers in ADK's format."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from google.adk.events.event import Event
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

from session_store.errors import ColloquyError
from session_store.transcripts.open_calls import ToolQuestion, confirmation_content
from session_store.transcripts.transcript import ASKS

UNANSWERABLE = {
    "adk_request_credential": (
        "A tool of this agent asks for a sign-in, which Colloquy does not support. Configure its credentials in the"
        " agent's own settings."
    ),
    "adk_request_input": "The agent asks for a kind of input that Colloquy does not support.",
}
"""What ADK asks for besides confirmations, and what the person is told about it."""


class NothingToAnswerError(ColloquyError):
    """A tool's question has already been answered, or its turn is over."""

    def __init__(self) -> None:
        super().__init__("This request was already answered, or its turn has ended.")


def unanswerable(event: Event) -> str | None:
    """Say why a person cannot give what an event asks for; None if the event asks for nothing unsupported."""
    return next((UNANSWERABLE[call.name] for call in event.get_function_calls() if call.name in UNANSWERABLE), None)


def confirmations(content: types.Content) -> dict[str, dict[str, Any]]:
    """Return the answers to confirmations in a message, by the ids of the asking calls."""
    responses = [part.function_response for part in content.parts or [] if part.function_response]
    return {response.id or "": _read(response.response or {}) for response in responses if response.name == ASKS}


def _read(response: dict[str, Any]) -> dict[str, Any]:
    try:
        given = ToolConfirmation.from_response_dict(response)
    except (ValueError, TypeError):  # an unreadable answer approves nothing
        given = ToolConfirmation()
    return given.model_dump(mode="json", include={"confirmed", "payload"}, exclude_none=True)


class Pause:
    """The questions that a paused turn waits for. Lives on the runtime's event loop."""

    def __init__(self, asked: Mapping[str, ToolQuestion]) -> None:
        """``asked`` is what ``questions`` returns."""
        self._asked = asked
        self._responses: Mapping[str, Mapping[str, Any]] = {}  # replaced with each answer, never modified
        self.over = asyncio.Event()

    @property
    def answers(self) -> dict[str, bool]:
        """The answers so far, by the ids of the asking calls."""
        return {call_id: bool(response["confirmed"]) for call_id, response in self._responses.items()}

    def messages(self) -> list[types.Content]:
        """Return the answers as one message per branch: ADK resumes one of several parallel agents at a time."""
        by_branch: dict[str | None, dict[str, Mapping[str, Any]]] = {}
        for call_id, response in self._responses.items():
            by_branch.setdefault(self._asked[call_id].branch, {})[call_id] = response
        return [confirmation_content(answers) for answers in by_branch.values()]

    def answer(self, responses: Mapping[str, Mapping[str, Any]]) -> None:
        """Answer questions, each named by the id of the asking call or of the call that it is about.

        Raises:
            NothingToAnswerError: one of them is not being asked. In that case none is answered.
        """
        given: dict[str, Mapping[str, Any]] = {}
        for call_id, response in responses.items():
            asking = [asked for asked, question in self._asked.items() if call_id in (asked, question.call_id)]
            if not asking or self.over.is_set():
                raise NothingToAnswerError
            given |= dict.fromkeys(asking, response)
        self._responses = {**self._responses, **given}
        if len(self._responses) == len(self._asked):
            self.over.set()
