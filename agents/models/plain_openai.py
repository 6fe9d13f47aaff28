"""A client of OpenAI's protocol as other servers understand it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.adk.integrations.openai import OpenAILlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from openai import AsyncOpenAI, AsyncStream
from openai._models import FinalRequestOptions
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall
from typing_extensions import override

from agents.models.pacing import Breather, answer_characters
from session_store.endings import NO_TOOL_CALL, REFUSAL, TOO_LONG

_TEXTS = ("content", "reasoning_content", "reasoning")
_CALLS = ("tool_calls", "function_call")


@dataclass(slots=True)
class Heard:
    """What a server said of the end of an answer and ADK does not hand on."""

    finish: str | None = None
    refused: bool = False
    characters: int = 0
    """How many were said so far, with the thoughts that ADK leaves out."""

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
        if isinstance(answer, ChatCompletion):
            for choice in answer.choices or ():
                self._hear(choice.finish_reason, choice.message)
            return answer
        return self._chunks(answer)

    async def _chunks(self, stream: AsyncStream[ChatCompletionChunk]) -> AsyncIterator[ChatCompletionChunk]:
        """The stream as it comes, but each tool call in one piece at its end: ADK reads all that there is of a call
        again with each further piece."""
        breather = Breather()
        calls: dict[int, ChoiceDeltaToolCall] = {}
        bearer: ChatCompletionChunk | None = None
        async for chunk in stream:
            for choice in chunk.choices or ():
                self._hear(choice.finish_reason, choice.delta)
                if choice.delta and choice.delta.tool_calls:
                    _add_calls(calls, choice.delta.tool_calls)
                    choice.delta.tool_calls, bearer = (
                        None,
                        chunk.model_copy(update={"choices": [choice], "usage": None}),
                    )
            yield chunk
            if self.heard and self.heard.too_long:
                await stream.close()
                break
            await breather.breathe()
        if bearer:
            delta = bearer.choices[0].delta.model_copy(update={"content": None, "tool_calls": [*calls.values()]})
            bearer.choices = [bearer.choices[0].model_copy(update={"delta": delta})]
            yield bearer

    def _hear(self, finish: str | None, said: Any) -> None:  # noqa: ANN401 - two classes without a common one
        if self.heard is None:
            return
        self.heard.finish = finish or self.heard.finish
        if refusal := getattr(said, "refusal", None):
            self.heard.refused = True
            said.content = f"{said.content or ''}{refusal}"
        self.heard.characters += sum(len(getattr(said, name, None) or "") for name in _TEXTS)
        for call in getattr(said, "tool_calls", None) or ():
            self.heard.characters += len((call.function and call.function.arguments) or "")

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


def _add_calls(calls: dict[int, ChoiceDeltaToolCall], pieces: list[ChoiceDeltaToolCall]) -> None:
    """Add pieces of tool calls to what there is of these."""
    for piece in pieces:
        call = calls.get(piece.index)
        if call is None or not (call.function and piece.function):
            calls[piece.index] = piece if call is None or piece.function else call
            continue
        call.id = piece.id or call.id
        call.function.name = piece.function.name or call.function.name
        call.function.arguments = (call.function.arguments or "") + (piece.function.arguments or "")


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(inner) for inner in value]
    return value
