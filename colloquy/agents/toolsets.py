"""What an agent is given for one turn besides its instruction: tools, and what runs before the model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from google.adk.agents.callback_context import CallbackContext
from google.adk.models import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.tools.function_tool import FunctionTool

from colloquy.agents.agent import AgentContext
from colloquy.agents.data.ask import has_command
from colloquy.agents.data.database import Database
from colloquy.agents.queries import Queries, final_answer
from colloquy.agents.tools import DataTools
from session_store.transcripts.parts import text_of

DATA: Final = "data"
HISTORY: Final = "history"
TOOLS: Final = (DATA, HISTORY)
"""The databases that an agent's tools may query: the workspace's, or Colloquy's own conversations."""

MISSING: Final = {
    DATA: (
        "This workspace has no data connection, so there is nothing to query. Give it one under “Manage workspaces”, or"
        " go to the workspace “Sample shop”, which has data to try."
    ),
    HISTORY: "The conversations kept by Colloquy cannot be queried here.",
}
SCOPED: Final = (
    "The person chose a part of the conversations, and this chat is about that part alone: {}. Your tools show nothing"
    " else, so write no conditions for it; where your answer could be taken for one about all conversations, name the"
    " part that it is about."
)
NOT_FOR: Final = "{name} has no data to query. Begin a chat with the Data analyst in a workspace that has some."

BeforeModel = Callable[[CallbackContext, LlmRequest], Awaitable[LlmResponse | None]]


@dataclass(frozen=True, slots=True)
class Toolset:
    """What an agent is given. ``instruction`` is added to its own."""

    before_model: BeforeModel
    tools: tuple[FunctionTool, ...] = ()
    instruction: str = ""


def toolset_of(name: str, tools: tuple[str, ...], model: BaseLlm, context: AgentContext) -> Toolset:
    """Return the toolset of the agent called ``name`` whose file lists these tools."""
    if not tools:
        return Toolset(_refusing_commands(name))
    [kind] = tools
    database = context.data if kind == DATA else context.history
    if database is None:
        return Toolset(_saying(MISSING[kind]))
    data_tools = DataTools(database, context.sink, bounds=context.bounds)
    queries = Queries(data_tools, database, model, guesses=not context.calls_tools)
    about = _about(database, context.scope if kind == HISTORY else ())
    return Toolset(queries.before_model, tuple(data_tools.tools()), about)


def _about(database: Database, scope: Sequence[str]) -> str:
    description = (
        f"The database that your tools ask is called {database.name!r} and speaks the SQL of {database.dialect}."
    )
    return "\n\n".join([description, SCOPED.format("; ".join(scope))] if scope else [description])


def _saying(text: str) -> BeforeModel:
    async def before_model(callback_context: CallbackContext, llm_request: LlmRequest) -> LlmResponse:  # noqa: ARG001 - as ADK calls it
        return final_answer(text)

    return before_model


def _refusing_commands(name: str) -> BeforeModel:
    async def before_model(callback_context: CallbackContext, llm_request: LlmRequest) -> LlmResponse | None:  # noqa: ARG001 - as ADK calls it
        return final_answer(NOT_FOR.format(name=name)) if has_command(text_of(callback_context.user_content)) else None

    return before_model
