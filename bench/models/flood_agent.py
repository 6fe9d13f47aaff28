"""An agent that floods or blocks in the way that its message names.

``bench.floods`` copies this file into a folder of agents, so that Colloquy and ADK's own server run the same agent.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.agents.callback_context import CallbackContext
from google.adk.integrations.openai import OpenAILlm
from google.adk.models import BaseLlm, Gemini
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.tools.tool_context import ToolContext
from google.genai import types
from openai import AsyncOpenAI
from typing_extensions import override

MANY = 20_000
SECONDS = 4.0
"""How long the blocking kinds block."""


def said(*parts: types.Part, partial: bool = False) -> LlmResponse:
    return LlmResponse(content=types.Content(role="model", parts=list(parts)), partial=partial)


def called(name: str, **args: object) -> types.Part:
    return types.Part(function_call=types.FunctionCall(name=name, args=args))


def words(*, thought: bool = False) -> Iterator[LlmResponse]:
    for number in range(MANY):
        yield said(types.Part(text=f"w{number} ", thought=thought), partial=True)
    yield said(types.Part(text="".join(f"w{number} " for number in range(MANY)), thought=thought))


def empty() -> Iterator[LlmResponse]:
    for _ in range(MANY):
        yield LlmResponse(partial=True)
    yield said(types.Part(text="done"))


def giant() -> Iterator[LlmResponse]:
    yield said(types.Part(text="word " * 1_000_000), partial=True)
    yield said(types.Part(text="word " * 1_000_000))


def pieces() -> Iterator[LlmResponse]:
    for number in range(MANY):
        piece = types.PartialArg(json_path="$.text", string_value=f"w{number} ", will_continue=True)
        call = types.FunctionCall(id="1", name="nothing", partial_args=[piece], will_continue=True)
        yield said(types.Part(function_call=call), partial=True)
    yield said(called("nothing", text="".join(f"w{number} " for number in range(MANY))))


def many_calls() -> Iterator[LlmResponse]:
    yield said(*[called("nothing", text=str(number)) for number in range(500)])


def large_call() -> Iterator[LlmResponse]:
    yield said(called("nothing", rows=[{"name": f"row {number}", "value": [number] * 5} for number in range(100_000)]))


FLOODS: dict[str, Callable[[], Iterator[LlmResponse]]] = {
    "words": words,
    "thoughts": lambda: words(thought=True),
    "empty chunks": empty,
    "one giant chunk": giant,
    "arguments in pieces": pieces,
    "many calls": many_calls,
    "one giant call": large_call,
}


def nothing(text: str = "", rows: list[dict[str, Any]] | None = None) -> str:  # noqa: ARG001 - the tool's signature
    return "done"


def huge_result() -> dict[str, str]:
    return {"text": "word " * 10_000_000}


def many_rows() -> dict[str, Any]:
    return {"rows": [{"name": f"row {number}", "value": number} for number in range(500_000)]}


def huge_state(tool_context: ToolContext) -> str:
    for number in range(MANY):
        tool_context.state[f"key {number}"] = "word " * 200
    return "done"


async def many_files(tool_context: ToolContext) -> str:
    part = types.Part(inline_data=types.Blob(data=b"x" * 100_000, mime_type="text/plain"))
    for number in range(200):
        await tool_context.save_artifact(f"file {number}.txt", part)
    return "done"


def tool_sleeps() -> str:
    time.sleep(SECONDS)
    return "done"


def tool_computes() -> str:
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        sum(number * number for number in range(1000))
    return "done"


async def async_tool_sleeps() -> str:
    return tool_sleeps()


async def async_tool_computes() -> str:
    return tool_computes()


def regular_expression() -> str:
    """Holds Python's lock until it ends; no other thread can do anything about it."""
    re.match(r"(a|a)+$", "a" * 24 + "b")
    return "done"


TOOLS = {
    "huge result": huge_result,
    "result of many rows": many_rows,
    "huge state": huge_state,
    "many files": many_files,
    "tool sleeps": tool_sleeps,
    "tool computes": tool_computes,
    "async tool sleeps": async_tool_sleeps,
    "async tool computes": async_tool_computes,
    "regular expression": regular_expression,
}


class Flooding(BaseLlm):
    """Floods as its message names; kinds for an API use ADK's own client for it."""

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        last = (llm_request.contents[-1].parts or [types.Part()])[0]
        kind = last.text or ""
        if kind.startswith(("OpenAI", "Gemini")):
            async for response in _client(kind).generate_content_async(llm_request, stream):
                yield response
        elif kind == "model sleeps":
            time.sleep(SECONDS)  # noqa: ASYNC251 - this is what is measured
            yield said(types.Part(text="done"))
        elif kind in FLOODS:
            for response in FLOODS[kind]():
                yield response
        elif kind in TOOLS:
            yield said(called(TOOLS[kind].__name__))
        else:
            yield said(types.Part(text="done"))


def _client(kind: str) -> BaseLlm:
    url = os.environ["FLOOD_URL"]
    if kind.startswith("Gemini"):
        return Gemini(model="gemini-flood", base_url=url, client_kwargs={"api_key": "none", "enterprise": False})
    return OpenAILlm(model="flood", client=AsyncOpenAI(base_url=f"{url}/v1", api_key="none"))


async def callback(callback_context: CallbackContext) -> None:
    if callback_context.user_content and (callback_context.user_content.parts or [])[0].text == "callback sleeps":
        time.sleep(SECONDS)  # noqa: ASYNC251


root_agent = LlmAgent(
    name="flood", model=Flooding(model="flood"), tools=[nothing, *TOOLS.values()], before_agent_callback=callback
)
