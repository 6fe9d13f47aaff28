"""A model that says exactly what a test asks for, when it asks for it.

The message says what the answer is:

- ``count 100 every 20 ms``: ``w0 w1 … w99``, a word every 20 ms;
- ``count 5 then fail``: five words, then the model fails;
- ``count 5 then wait``: five words, then nothing until the turn is stopped;
- ``think 3 then count 2``: the thoughts ``t0 t1 t2`` before the words;
- ``history``: what the model received, one line per message;
- ``instruction``: the agent's instruction;
- ``call run_sql {"sql": "select 1"}``: a call of this tool and, once it has answered, a line with its answer; more
  calls at once after ``and``: ``call one {} and call two {}``;
- anything else: ``You said: …``.

If JSON is requested, the answer is the query after ``guess`` in the message: ``{"sql": …}``.

It is as strict as servers with OpenAI's protocol: every tool call in its input must be answered right after it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from google.adk.models import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from colloquy.agents.models import ModelCatalogue, ModelError, ModelInfo, ModelUnavailableError
from colloquy.agents.models.offers import unknown
from colloquy.settings import Settings

CALL = re.compile(r"(?:\s+and\s+)?call (\w+)\s*")
GUESS = re.compile(r"guess (.+)")
COUNT = re.compile(r"count (\d+)(?: every (\d+) ms)?(?: then (fail|wait))?")
THINK = re.compile(r"think (\d+) then ")

TIMES = "SCRIPTED_TIMES"
"""Environment variable: a file that gets a line for each complete answer."""


def note_times(message: str, first: float, last: float) -> None:
    """Record when the first and the last word of the answer to a message were said, in Unix seconds."""
    if file := os.environ.get(TIMES):
        with Path(file).open("a", encoding="utf-8") as notes:
            notes.write(json.dumps({"message": message, "first": first, "last": last}) + "\n")


class ScriptedModel(BaseLlm):
    model: str = "scripted"

    async def generate_content_async(self, llm_request: LlmRequest, stream: bool = False) -> Any:
        check_answered(llm_request.contents)
        message = text_of(llm_request.contents[-1])
        if calls := calls_in(message):
            yield LlmResponse(content=types.Content(role="model", parts=calls), usage_metadata=_usage(llm_request, 1))
            return
        thoughts = [types.Part(text=thought, thought=True) for thought in _thoughts(message)]
        for thought in thoughts:
            yield LlmResponse(partial=True, content=types.Content(role="model", parts=[thought]))
        said: list[str] = []
        first = last = time.time()
        async for word in _words(message, llm_request):
            last = time.time()
            first = first if said else last
            said.append(word)
            yield LlmResponse(partial=True, content=_content(word))
        note_times(message, first, last)
        yield LlmResponse(
            content=types.Content(role="model", parts=[*thoughts, types.Part(text="".join(said))]),
            usage_metadata=_usage(llm_request, len(said)),
        )


def calls_in(message: str) -> list[types.Part]:
    """Return the tool calls that a message asks for."""
    calls: list[types.Part] = []
    decoder = json.JSONDecoder()
    while found := CALL.match(message):
        message = message[found.end() :]
        args: dict[str, Any] = {}
        if message.startswith("{"):
            args, end = decoder.raw_decode(message)
            message = message[end:]
        calls.append(types.Part(function_call=types.FunctionCall(name=found[1], args=args)))
    return calls


def check_answered(contents: list[types.Content]) -> None:
    """Refuse a history with a call that is not answered in the next content, or an answer without a call."""
    open_calls: set[str | None] = set()
    for content in contents:
        parts = content.parts or []
        answered = {part.function_response.id for part in parts if part.function_response}
        if answered != open_calls:
            raise ModelError(f"The history has calls {open_calls} and right after them answers to {answered}.")
        open_calls = {part.function_call.id for part in parts if part.function_call}
    if open_calls:
        raise ModelError(f"The history ends with calls that nobody answered: {open_calls}.")


def _usage(request: LlmRequest, words: int) -> types.GenerateContentResponseUsageMetadata:
    return types.GenerateContentResponseUsageMetadata(
        prompt_token_count=len(request.contents), candidates_token_count=words
    )


async def _words(message: str, request: LlmRequest) -> AsyncIterator[str]:
    answers = [part.function_response for part in request.contents[-1].parts or [] if part.function_response]
    if answers:
        yield "; ".join(f"{answer.name} answered {json.dumps(answer.response)}" for answer in answers)
    elif request.config.response_mime_type == "application/json":
        guess = GUESS.search(message)
        yield json.dumps({"sql": guess[1] if guess else "I do not know."})
    elif script := COUNT.search(message):
        number, pause, then = int(script[1]), int(script[2] or 0) / 1000, script[3]
        begin = time.perf_counter()
        for i in range(number):
            yield f"w{i} "
            await asyncio.sleep(max(0.0, begin + (i + 1) * pause - time.perf_counter()))
        if then == "fail":
            raise ModelError("The scripted model failed as it was told to.")
        if then == "wait":
            await asyncio.Event().wait()
    elif message == "history":
        for content in request.contents:
            yield f"{content.role}: {text_of(content)}\n\n"
    elif message == "instruction":
        yield str(request.config.system_instruction)
    else:
        yield "You said: "
        yield message


def _thoughts(message: str) -> list[str]:
    found = THINK.search(message)
    return [f"t{i} " for i in range(int(found[1]) if found else 0)]


def text_of(content: types.Content) -> str:
    return "".join(part.text or "" for part in content.parts or [])


def _content(text: str) -> types.Content:
    return types.Content(role="model", parts=[types.Part(text=text)])


class ScriptedModels(ModelCatalogue):
    """A catalog with the scripted model twice, once more without tool calls, and one model that is not set up."""

    def __init__(self) -> None:
        super().__init__(Settings(_env_file=None))
        self.infos = [
            ModelInfo("scripted/one", "Scripted", True, "Says what it is told to.", takes=frozenset({"image", "pdf"})),
            ModelInfo("scripted/two", "Scripted two", True, "Says what it is told to."),
            ModelInfo("scripted/small", "Scripted small", True, "Calls no tools.", calls_tools=False),
            ModelInfo("scripted/none", "Not here", False, "Set COLLOQUY_NOT_HERE to use this model."),
        ]

    def list(self) -> list[ModelInfo]:
        return self.infos

    def default(self) -> ModelInfo:
        return self.infos[0]

    def llm(self, model_id: str) -> BaseLlm:
        for info in self.infos:
            if info.id == model_id and info.available:
                return ScriptedModel(model=model_id)
        raise ModelUnavailableError("Set COLLOQUY_NOT_HERE to use this model.")

    def info(self, model_id: str) -> ModelInfo:
        return next((info for info in self.infos if info.id == model_id), unknown(model_id))

    def label(self, model_id: str) -> str:
        return next((info.label for info in self.infos if info.id == model_id), model_id)

    async def title(self, model_id: str, message: str) -> str | None:
        return f"About {message.split(maxsplit=1)[0]}" if message.startswith("title") else None

    def warm(self, model_id: str) -> None:
        pass

    def close(self) -> None:
        pass
