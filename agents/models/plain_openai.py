"""A client of OpenAI's protocol as other servers understand it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from google.adk.integrations.openai import OpenAILlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from openai import APIError, AsyncOpenAI, AsyncStream
from openai._models import FinalRequestOptions
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import (
    Choice,
    ChoiceDelta,
    ChoiceDeltaToolCall,
    ChoiceDeltaToolCallFunction,
)
from typing_extensions import override

from agents.models.failures import said_in
from agents.models.pacing import Breather, answer_characters
from session_store.endings import NO_TOOL_CALL, REFUSAL, TOO_LONG

_TEXTS = ("content", "reasoning_content", "reasoning")
_CALLS = ("tool_calls", "function_call")

UNREADABLE = "input"
"""The name under which a call keeps arguments that are no JSON object, as imports do."""


@dataclass(slots=True)
class Heard:
    """What a server said in an answer and ADK does not hand on."""

    finish: str | None = None
    refused: bool = False
    characters: int = 0
    """How many were said so far, with the thoughts that ADK leaves out."""
    malformed: bool = False
    """Whether the arguments of a call are no JSON object."""
    _calls: list[ChoiceDeltaToolCall] = field(default_factory=list)
    """What there is of the calls."""
    _newest: dict[int | None, ChoiceDeltaToolCall] = field(default_factory=dict)
    """The newest call to which a server gave an index."""

    @property
    def too_long(self) -> bool:
        """Whether they are more than an answer may have."""
        return self.characters > answer_characters.get()

    def note(self, response: LlmResponse) -> None:
        """Put the end into the last response, where it is one that ADK takes for a good end."""
        parts = (response.content.parts if response.content else None) or []
        if self.too_long:  # and a call that was cut is none
            response.error_code, response.finish_reason = TOO_LONG, None
            if response.content:
                response.content.parts = [part for part in parts if not part.function_call]
        elif self.refused:
            response.error_code = REFUSAL
        elif response.finish_reason is types.FinishReason.FINISH_REASON_UNSPECIFIED:
            response.error_code = self.finish
        elif self.finish in _CALLS and not any(part.function_call for part in parts):
            response.error_code = NO_TOOL_CALL
        elif self.malformed and response.finish_reason is types.FinishReason.STOP:
            response.error_code = types.FinishReason.MALFORMED_FUNCTION_CALL.value

    def take(self, chunk: ChatCompletionChunk) -> None:
        """Make a chunk one that ADK reads. Calls are kept back until all of them are there."""
        for choice in chunk.choices or ():
            if choice.delta:
                self._hear(choice.finish_reason, choice.delta)
                for call in choice.delta.tool_calls or ():
                    self._keep_back(call)
                choice.delta.tool_calls = None

    def rest(self) -> ChatCompletionChunk | None:
        """The calls that were kept back, at the end of the answer."""
        for call in self._calls:
            if call.function:
                call.function.arguments = self._readable(call.function.arguments)
        if not self._calls:
            return None
        choice = Choice(index=0, delta=ChoiceDelta(tool_calls=self._calls))
        return ChatCompletionChunk(id="", choices=[choice], created=0, model="", object="chat.completion.chunk")

    def take_all(self, answer: ChatCompletion) -> None:
        """Make an answer that comes as a whole one that ADK reads."""
        for choice in answer.choices or ():
            self._hear(choice.finish_reason, choice.message)
            for call in choice.message.tool_calls or ():
                if call.type == "function":
                    call.function.arguments = self._readable(call.function.arguments)

    def _hear(self, finish: str | None, said: Any) -> None:  # noqa: ANN401 - two classes without a common one
        self.finish = finish or self.finish
        if refusal := getattr(said, "refusal", None):
            self.refused = True
            said.content = f"{said.content or ''}{refusal}"
        self.characters += sum(len(getattr(said, name, None) or "") for name in _TEXTS)
        for call in getattr(said, "tool_calls", None) or ():
            self.characters += len((call.function and call.function.arguments) or "")

    def _keep_back(self, piece: ChoiceDeltaToolCall) -> None:
        """Add a piece of a call to what there is of it. Some servers give no index, or all calls the same."""
        call, given = self._newest.get(piece.index), piece.function or ChoiceDeltaToolCallFunction()
        arguments: Any = given.arguments or ""
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        if call is None or not call.function or (given.name and piece.id and call.id and piece.id != call.id):
            given.arguments = written
            call = ChoiceDeltaToolCall(index=len(self._calls), id=piece.id, function=given, type="function")
            self._newest[piece.index] = call
            self._calls.append(call)
            return
        call.id = piece.id or call.id
        call.function.name = given.name or call.function.name
        call.function.arguments = (call.function.arguments or "") + written

    def _readable(self, arguments: Any) -> str:  # noqa: ANN401 - whatever a server gives
        """Arguments as the JSON object that they should be. One that is written into a string is one, too."""
        value: Any = arguments
        for _ in range(2):
            if isinstance(value, str):
                try:
                    value = json.loads(value) if value.strip() else None
                except (ValueError, RecursionError):
                    break
        if value is None or isinstance(value, dict):
            return json.dumps(value or {})
        self.malformed = True
        return json.dumps({UNREADABLE: arguments})


class PlainOpenAI(AsyncOpenAI):
    """Leaves out fields that are null. OpenAI takes one for none at all; many of the servers that speak its protocol
    refuse the request instead. What a model says when it refuses to answer is handed on as its words."""

    heard: Heard | None = None

    @override
    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """Every request goes through here."""
        answer = await super().request(*args, **kwargs)
        if self.heard is None:
            return answer
        if isinstance(answer, AsyncStream) and "json" in answer.response.headers.get("content-type", ""):
            _raise_error(json.loads(await answer.response.aread()), answer.response.request)
        if isinstance(answer, ChatCompletion):
            self.heard.take_all(answer)
            return answer
        return _read(answer, self.heard)

    @override
    async def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        """The hook that the library has for changing a request."""
        return options.model_copy(update={"json_data": _without_nulls(options.json_data)})


class PlainOpenAILlm(OpenAILlm):
    """ADK's model of OpenAI's protocol, with every end of an answer told."""

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Answer a request. See BaseLlm."""
        client = self._openai_client.copy()  # which shares its connections
        heard = Heard()
        if isinstance(client, PlainOpenAI):
            client.heard = heard
        model = OpenAILlm.model_copy(self, update={"client": client})
        model.__dict__.pop("_openai_client", None)  # the one that the model had before
        async for response in OpenAILlm.generate_content_async(model, llm_request, stream):
            if not response.partial:
                heard.note(response)
            yield response


async def _read(stream: AsyncStream[ChatCompletionChunk], heard: Heard) -> AsyncIterator[ChatCompletionChunk]:
    """The stream as it comes, but each tool call in one piece at its end: ADK reads all that there is of a call again
    with each further piece."""
    breather = Breather()
    async for chunk in stream:
        if not chunk.choices:
            _raise_error(chunk.model_extra, stream.response.request)
        heard.take(chunk)
        yield chunk
        if heard.too_long:
            await stream.close()
            break
        await breather.breathe()
    if rest := heard.rest():
        yield rest


def _raise_error(body: object, request: Any) -> None:  # noqa: ANN401 - of the library's own HTTP client
    """Raise what a server says in the place of an answer, or of a piece of one."""
    if isinstance(body, dict) and "choices" not in body and said_in(body):
        raise APIError(said_in(body), request, body=body)


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(inner) for inner in value]
    return value
