"""A model that says exactly what a test asks for, when it asks for it.

The message says what the answer is:

- ``count 100 every 20 ms``: ``w0 w1 … w99``, a word every 20 ms;
- ``count 5 then fail``: five words, then the model fails;
- ``count 5 then wait``: five words, then nothing until the turn is stopped;
- ``history``: what the model was shown, one line a message;
- anything else: ``You said: …``.
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

from agents.models import ModelCatalogue, ModelError, ModelInfo, ModelUnavailableError
from settings import Settings

COUNT = re.compile(r"count (\d+)(?: every (\d+) ms)?(?: then (fail|wait))?")

TIMES = "SCRIPTED_TIMES"
"""Environment variable: a file that gets a line for each answer that was said to its end."""


def note_times(message: str, first: float, last: float) -> None:
    """Write down when the first and the last word of the answer to a message were given, in Unix seconds."""
    if file := os.environ.get(TIMES):
        with Path(file).open("a", encoding="utf-8") as notes:
            notes.write(json.dumps({"message": message, "first": first, "last": last}) + "\n")


class ScriptedModel(BaseLlm):
    model: str = "scripted"

    async def generate_content_async(self, llm_request: LlmRequest, stream: bool = False) -> Any:
        message = text_of(llm_request.contents[-1])
        said: list[str] = []
        first = last = time.time()
        async for word in _words(message, llm_request):
            last = time.time()
            first = first if said else last
            said.append(word)
            yield LlmResponse(partial=True, content=_content(word))
        note_times(message, first, last)
        yield LlmResponse(
            content=_content("".join(said)),
            usage_metadata=types.GenerateContentResponseUsageMetadata(
                prompt_token_count=len(llm_request.contents), candidates_token_count=len(said)
            ),
        )


async def _words(message: str, request: LlmRequest) -> AsyncIterator[str]:
    if script := COUNT.search(message):
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
    else:
        yield "You said: "
        yield message


def text_of(content: types.Content) -> str:
    return "".join(part.text or "" for part in content.parts or [])


def _content(text: str) -> types.Content:
    return types.Content(role="model", parts=[types.Part(text=text)])


class ScriptedModels(ModelCatalogue):
    """A catalogue with the scripted model, one more of the same, and one that is not set up."""

    def __init__(self) -> None:
        super().__init__(Settings(_env_file=None))
        self.infos = [
            ModelInfo("scripted/one", "Scripted", True, "Says what it is told to."),
            ModelInfo("scripted/two", "Scripted two", True, "Says what it is told to."),
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

    def label(self, model_id: str) -> str:
        return next((info.label for info in self.infos if info.id == model_id), model_id)

    async def title(self, model_id: str, message: str) -> str | None:
        return f"About {message.split(maxsplit=1)[0]}" if message.startswith("title") else None

    def warm(self, model_id: str) -> None:
        pass

    def close(self) -> None:
        pass
