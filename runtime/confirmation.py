"""Tools that ask the person before they run: what is asked, and the answers, in the words of ADK."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.adk.events.event import Event
from google.genai import types

from session_store.errors import ColloquyError

CONFIRMATION = "adk_request_confirmation"
"""The name of the function call with which ADK asks."""


UNANSWERABLE = {
    "adk_request_credential": (
        "A tool of the agent asks for a sign-in, which Colloquy does not offer. Give the agent its credentials in its"
        " own settings."
    ),
    "adk_request_input": "The agent asks for input in a form that Colloquy does not offer.",
}
"""What ADK asks for besides confirmations, and what to tell the person about it."""


class NothingToAnswerError(ColloquyError):
    """A tool's question was answered already, or its turn is over."""

    def __init__(self) -> None:
        super().__init__("This question was answered already, or the turn that asked it is over.")


@dataclass(frozen=True, slots=True)
class Question:
    """What a tool asks. ``call_id`` is the id of the call that it is about, ``branch`` where in the agents that is."""

    call_id: str
    branch: str | None


def questions(events: Iterable[Event], turn_id: str) -> dict[str, Question]:
    """What a turn asks and nobody has answered, by the ids of the asking calls."""
    asked: dict[str, Question] = {}
    for event in events:
        if event.invocation_id != turn_id:
            continue
        for call in event.get_function_calls():
            if call.name == CONFIRMATION and call.id:
                about = (call.args or {}).get("originalFunctionCall") or {}
                asked[call.id] = Question(str(about.get("id", "")), event.branch)
        for response in event.get_function_responses():
            asked.pop(response.id or "", None)
    return asked


def unanswerable(event: Event) -> str | None:
    """Why a person cannot give what an event asks for; None if it asks for nothing of the kind."""
    return next((UNANSWERABLE[call.name] for call in event.get_function_calls() if call.name in UNANSWERABLE), None)


def answer_content(answers: Mapping[str, bool]) -> types.Content:
    """The message that answers what was asked, by the ids of the asking calls."""
    return types.Content(
        role="user",
        parts=[
            types.Part(
                function_response=types.FunctionResponse(
                    id=call_id, name=CONFIRMATION, response={"confirmed": approved}
                )
            )
            for call_id, approved in answers.items()
        ],
    )


class Pause:
    """What a turn waits for. Lives on the runtime's event loop."""

    def __init__(self, asked: Mapping[str, Question]) -> None:
        """``asked`` as ``questions`` gives it."""
        self._asked = asked
        self.answers: dict[str, bool] = {}
        """Replaced at each answer, never changed."""
        self.over = asyncio.Event()

    def messages(self) -> list[types.Content]:
        """The answers as messages, one for each branch: ADK goes on with one of the agents that work side by side."""
        by_branch: dict[str | None, dict[str, bool]] = {}
        for call_id, approved in self.answers.items():
            by_branch.setdefault(self._asked[call_id].branch, {})[call_id] = approved
        return [answer_content(answers) for answers in by_branch.values()]

    def answer(self, call_id: str, *, approved: bool) -> None:
        """Answer one question, named by the id of the asking call or of the call it is about.

        Raises:
            NothingToAnswerError: this is not asked.
        """
        asking = [asked for asked, question in self._asked.items() if call_id in (asked, question.call_id)]
        if not asking or self.over.is_set():
            raise NothingToAnswerError
        self.answers = self.answers | dict.fromkeys(asking, approved)
        if len(self.answers) == len(self._asked):
            self.over.set()
