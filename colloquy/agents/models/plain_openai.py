"""A client for OpenAI's protocol as other servers implement it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from google.adk.integrations.openai import OpenAILlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from openai import APIError, AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat.chat_completion_chunk import (
    Choice,
    ChoiceDelta,
    ChoiceDeltaToolCall,
    ChoiceDeltaToolCallFunction,
)
from typing_extensions import override

from colloquy.agents.models.failures import said_in
from colloquy.agents.models.pacing import Breather, answer_characters
from colloquy.agents.models.replies import bound, usage_in
from colloquy.compat.openai_models import BaseModel, FinalRequestOptions
from session_store.transcripts.endings import NO_TOOL_CALL, REFUSAL, TOO_LONG

_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")
"""Where servers put a model's thoughts. Some put the same text into two of these fields."""

_TEXTS = ("text", "thinking", "summary", "content")
"""Where the text is if a value is more than plain text."""

_SOURCES = ("search_results", "citations")
"""Where servers that search the web list an answer's sources, as addresses or as objects that contain one."""

_CALLS = ("tool_calls", "function_call")

EMPTY = 16
"""How many characters an empty piece of an answer counts as, so that an answer of only empty pieces ends, too."""

MOST_EMPTY = 1_000
"""How many empty pieces an answer may have, however low its limit is."""

UNREADABLE = "input"
"""The key under which a call keeps arguments that are not a JSON object, as imports do."""


@dataclass(slots=True)
class Heard:
    """What a server says in an answer that ADK does not pass on."""

    finish: str | None = None
    refused: bool = False
    characters: int = 0
    """How many characters have arrived so far, including thoughts and the arguments of calls."""
    empty: int = 0
    """How many pieces were empty."""
    thinks: bool = False
    """Whether the text that ADK is reading is a thought. ADK only knows text, so thoughts reach it as text."""
    malformed: bool = False
    """Whether the arguments of a call are not a JSON object."""
    _said: list[tuple[bool, str]] = field(default_factory=list)
    """All texts so far, each with whether it is a thought."""
    _sources: dict[str, str | None] = field(default_factory=dict)
    """The addresses of the answer's sources, with their titles."""
    _calls: list[ChoiceDeltaToolCall] = field(default_factory=list)
    """The calls so far."""
    _newest: dict[int | None, ChoiceDeltaToolCall] = field(default_factory=dict)
    """The newest call for each index that the server used."""
    _arguments: list[list[str]] = field(default_factory=list)
    """The pieces of each call's arguments."""

    @property
    def too_long(self) -> bool:
        """Whether the answer is longer than allowed."""
        most = answer_characters.get()
        return self.characters > most or self.empty > max(MOST_EMPTY, most // EMPTY)

    def note(self, response: LlmResponse) -> None:
        """Tell thoughts from words. The last response also gets the sources, and the actual ending if ADK takes it for
        a normal one."""
        self._tell_thoughts(response)
        if response.partial:
            return
        if self._sources:
            cited = [types.Citation(uri=url, title=title) for url, title in self._sources.items()]
            response.citation_metadata = types.CitationMetadata(citations=cited)
        parts = (response.content.parts if response.content else None) or []
        if self.too_long:  # a truncated call does not count; this one is in an answer that is not streamed
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

    def _tell_thoughts(self, response: LlmResponse) -> None:
        if not response.content:
            return
        parts = response.content.parts or []
        if response.partial:
            for part in parts:
                if self.thinks and part.text:
                    part.thought = True
        elif any(is_thought for is_thought, _ in self._said):
            runs = groupby(self._said, key=itemgetter(0))
            spans = [types.Part(text="".join(text for _, text in run), thought=kind or None) for kind, run in runs]
            response.content.parts = [*spans, *(part for part in parts if part.text is None)]

    def take(self, chunk: ChatCompletionChunk) -> Iterator[ChatCompletionChunk]:
        """Turn a chunk into one that ADK can read, or into several if it has both thoughts and words. Calls are held
        back until they are complete."""
        self._cite(chunk)
        chunk.usage = usage_in(chunk.usage)
        chunk.choices = [one for one in _list(chunk.choices) if isinstance(one, Choice)]
        before = self.characters
        for choice in chunk.choices:
            choice.delta = choice.delta if isinstance(choice.delta, ChoiceDelta) else ChoiceDelta()
            if choice.delta:
                texts = self._hear(choice.finish_reason, choice.delta)
                for call in choice.delta.tool_calls or ():
                    self._keep_back(call)
                choice.delta.tool_calls = None
                for is_thought, text in texts[:-1]:
                    self.thinks = is_thought
                    yield _chunk(ChoiceDelta(content=text))
                self.thinks, choice.delta.content = texts[-1] if texts else (False, None)
        self.empty += int(self.characters == before)
        yield chunk

    def rest(self) -> ChatCompletionChunk | None:
        """Return the calls that were held back, at the end of the answer. A truncated call is dropped: it is invalid,
        and ADK would take seconds to parse it."""
        if self.too_long:
            return None
        for call, pieces in zip(self._calls, self._arguments, strict=True):
            if call.function:
                call.function.arguments = self._readable("".join(pieces))
        return _chunk(ChoiceDelta(tool_calls=self._calls)) if self._calls else None

    def take_all(self, answer: ChatCompletion) -> None:
        """Turn an answer that is not streamed into one that ADK can read."""
        self._cite(answer)
        answer.usage = usage_in(answer.usage)
        for choice in answer.choices or ():
            texts = self._hear(choice.finish_reason, choice.message)
            choice.message.content = "".join(text for _, text in texts)
            for call in choice.message.tool_calls or ():
                if call.type == "function":
                    call.function.arguments = self._readable(call.function.arguments)

    def _hear(self, finish: str | None, delta: ChoiceDelta | ChatCompletionMessage) -> list[tuple[bool, str]]:
        """Return the texts in an answer, or in a piece of one, each with whether it is a thought."""
        self.finish = finish or self.finish
        self.refused = self.refused or bool(delta.refusal)
        beside = delta.model_extra or {}
        thought = next(filter(None, (_text_in(beside.get(name)) for name in _THOUGHTS)), "")
        texts = [(True, thought), *_texts_in(delta.content), (False, delta.refusal or "")]
        heard = [(is_thought, text) for is_thought, text in texts if text]
        self._said += heard
        self._add_sources(delta.annotations if isinstance(delta, ChatCompletionMessage) else beside.get("annotations"))
        self.characters += sum(len(text) for _, text in heard)
        for call in delta.tool_calls or ():
            if call.type != "custom":
                self.characters += len((call.function and call.function.arguments) or "")
        return heard

    def _cite(self, answer: ChatCompletion | ChatCompletionChunk) -> None:
        for name in _SOURCES:
            self._add_sources((answer.model_extra or {}).get(name))

    def _add_sources(self, listed: object) -> None:
        for given in listed if isinstance(listed, list) else ():
            source = given.to_dict() if isinstance(given, BaseModel) else given
            source = {"url": source} if isinstance(source, str) else source
            cited = source.get("url_citation", source) if isinstance(source, dict) else None
            url, title = (cited.get("url"), cited.get("title")) if isinstance(cited, dict) else (None, None)
            if isinstance(url, str) and url:
                self._sources[url] = self._sources.get(url) or (title if isinstance(title, str) else None)

    def _keep_back(self, piece: ChoiceDeltaToolCall) -> None:
        """Add a piece to its call. Some servers send no index, or the same one for all calls."""
        call, given = self._newest.get(piece.index), piece.function or ChoiceDeltaToolCallFunction()
        arguments: Any = given.arguments or ""
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        if call is None or not call.function or (given.name and piece.id and call.id and piece.id != call.id):
            call = ChoiceDeltaToolCall(index=len(self._calls), id=piece.id, function=given, type="function")
            self._newest[piece.index] = call
            self._calls.append(call)
            self._arguments.append([written])
            return
        call.id = piece.id or call.id
        call.function.name = given.name or call.function.name
        self._arguments[call.index].append(written)

    def _readable(self, arguments: Any) -> str:  # noqa: ANN401 - whatever a server sends
        """Return arguments as the JSON object that they should be. An object inside a string counts as well."""
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
    """Leaves out fields that are null. OpenAI treats them as absent, but many servers that implement its protocol
    refuse the request. When a model refuses to answer, its refusal is passed on as its words."""

    heard: Heard | None = None

    @override
    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """Send any request."""
        answer = await super().request(*args, **kwargs)
        if self.heard is None:
            return answer
        if isinstance(answer, AsyncStream) and "json" in answer.response.headers.get("content-type", ""):
            _raise_error(json.loads(await answer.response.aread()), answer.response.request)
        if isinstance(answer, ChatCompletion):
            self.heard.take_all(answer)
            return answer
        if not isinstance(answer, AsyncStream):
            raise json.JSONDecodeError("no answer", str(answer)[:100], 0)
        return _read(answer, self.heard)

    @override
    async def _send_request(self, request: Any, *, stream: bool, **kwargs: Any) -> Any:
        """Receive any answer. A non-streamed one is read here, not by the HTTP client."""
        response = await super()._send_request(request, stream=True, **kwargs)
        bound(response)
        if not stream:
            await response.aread()
        return response

    @override
    async def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        """Change a request. This is the library's hook for it."""
        return options.model_copy(update={"json_data": _without_nulls(options.json_data)})


class PlainOpenAILlm(OpenAILlm):
    """ADK's model for OpenAI's protocol, which also reports how each answer ended and what the model thought. Thoughts
    are not sent back: ADK would send them as words of the answer."""

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Answer a request. See BaseLlm."""
        client = self._openai_client.copy()  # the copy shares its connections
        heard = Heard()
        if isinstance(client, PlainOpenAI):
            client.heard = heard
        model = OpenAILlm.model_copy(self, update={"client": client})
        model.__dict__.pop("_openai_client", None)  # the model's previous client
        request = llm_request.model_copy(update={"contents": [_without_thoughts(one) for one in llm_request.contents]})
        async for response in OpenAILlm.generate_content_async(model, request, stream):
            heard.note(response)
            yield response


async def _read(stream: AsyncStream[ChatCompletionChunk], heard: Heard) -> AsyncIterator[ChatCompletionChunk]:
    """Yield the stream as it arrives, except that each tool call comes in one piece at the end: ADK parses the whole
    call again with every piece."""
    breather = Breather()
    chunks: AsyncIterator[object] = aiter(stream)
    async for chunk in chunks:
        if not isinstance(chunk, ChatCompletionChunk):
            continue  # a line that is not an object, such as null
        if not chunk.choices:
            _raise_error(chunk.model_extra, stream.response.request)
        for piece in heard.take(chunk):
            yield piece
        if heard.too_long:
            await stream.close()
            break
        await breather.breathe()
    if rest := heard.rest():
        yield rest


def _chunk(delta: ChoiceDelta) -> ChatCompletionChunk:
    choice = Choice(index=0, delta=delta)
    return ChatCompletionChunk(id="", choices=[choice], created=0, model="", object="chat.completion.chunk")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts_in(content: object) -> list[tuple[bool, str]]:
    """Return the texts of a content, each with whether it is a thought. Some servers send a list of both."""
    pieces = content if isinstance(content, list) else [content]
    return [(isinstance(piece, dict) and "thinking" in piece, _text_in(piece)) for piece in pieces]


def _text_in(value: object) -> str:
    if isinstance(value, list):
        return "".join(map(_text_in, value))
    if isinstance(value, dict):
        return next(filter(None, (_text_in(value.get(name)) for name in _TEXTS)), "")
    return value if isinstance(value, str) else ""


def _without_thoughts(content: types.Content) -> types.Content:
    kept = [part for part in content.parts or () if not part.thought or part.function_call]
    return content.model_copy(update={"parts": kept})


def _raise_error(body: object, request: Any) -> None:  # noqa: ANN401 - of the library's own HTTP client
    """Raise the error that a server sends in place of an answer, or of a piece of one."""
    if isinstance(body, dict) and "choices" not in body and said_in(body):
        raise APIError(said_in(body), request, body=body)


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(inner) for inner in value]
    return value
