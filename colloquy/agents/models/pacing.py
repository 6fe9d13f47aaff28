"""Keeps one model from holding up the other turns of its agent, which share an event loop, and limits the length of its
answers.

A model that has thousands of words ready never waits, so nothing else would get a turn. Here a separate task reads its
answer and yields to others every few milliseconds; whatever arrived in the meantime is passed on as one piece.

The hook is ADK's private ``BaseLlmFlow._get_llm`` (2.13), through which every agent gets its model, including one that
brings its own; the tests run agents of both kinds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from contextvars import ContextVar
from itertools import groupby
from typing import Any

from google.adk.models import BaseLlm, LlmCapabilities
from google.adk.models.base_llm_connection import BaseLlmConnection
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from pydantic import PrivateAttr
from typing_extensions import override

from colloquy.compat.adk_models import wrap_models
from session_store.sizes import characters_in
from session_store.transcripts.endings import TOO_LONG

SLICE = 0.005
"""Seconds that one model is read for before everything else on the loop gets a turn."""

PACE = 0.03
"""Seconds between two pieces of a fast answer. Whatever arrives in between becomes one piece."""

FLOOD = 8
"""How many waiting responses make an answer count as fast; an answer read word by word never has that many ready."""

MOST_AHEAD = 2**16
"""The most characters that may be read ahead before the reader waits for them to be passed on."""

answer_characters: ContextVar[int] = ContextVar("answer_characters", default=1_000_000)
"""The most characters of one answer, including thoughts and the arguments of tool calls."""

CHUNK = 64
"""The least number of characters that each response counts as while it waits to be passed on."""

_MERGED = {"content", "partial", "model_version", "usage_metadata"}
_OTHERS = LlmResponse.model_fields.keys() - _MERGED
_PLAIN = {"text", "thought"}


def pace_models() -> None:
    """Make every agent read its model at this pace. May be called any number of times."""
    wrap_models(PacedLlm)


class Breather:
    """Lets everything else on the loop run once a time slice is used up."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def breathe(self) -> None:
        """Yield if the slice is used up. Call this after each small piece of work that may not have waited."""
        if time.perf_counter() - self._since >= SLICE:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


class PacedLlm(BaseLlm):
    """Wraps another model: lets others run while it is read, and cuts an answer that is too long."""

    _llm: BaseLlm = PrivateAttr()

    def __init__(self, llm: BaseLlm) -> None:
        super().__init__(model=llm.model)
        self._llm = llm

    @property
    @override
    def capabilities(self) -> LlmCapabilities:
        """The capabilities of the wrapped model."""
        return self._llm.capabilities

    @override
    def connect(self, llm_request: LlmRequest) -> Any:
        """Open a live connection, which is not paced."""
        connection: BaseLlmConnection = self._llm.connect(llm_request)  # type: ignore[assignment]
        return connection

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Answer a request. See BaseLlm; closing the generator ends the generation."""
        buffer = _Buffer(answer_characters.get())
        reading = asyncio.create_task(buffer.read(self._llm.generate_content_async(llm_request, stream)))
        try:
            while not buffer.is_over:
                await buffer.news.wait()
                floods = buffer.floods
                for response in buffer.take():
                    yield response
                if floods:  # from now on wait for more, unless there is no more
                    await asyncio.wait([reading], timeout=PACE)
            for response in buffer.take():
                yield response
            if buffer.error:
                raise buffer.error
        finally:
            reading.cancel()
            await asyncio.wait([reading])


class _Buffer:
    """The part of an answer that has been read but not passed on yet."""

    def __init__(self, limit: int) -> None:
        self.news = asyncio.Event()
        self.is_over = False
        self.error: BaseException | None = None
        self._limit = limit
        self._room = asyncio.Event()
        self._waiting: list[LlmResponse] = []
        self._read_ahead = 0
        self._size = 0
        self._said: list[types.Part] = []

    async def read(self, responses: AsyncGenerator[LlmResponse, None]) -> None:
        """Read an answer to its end or to its limit."""
        try:
            async with aclosing(responses):
                breather = Breather()
                async for response in responses:
                    if not self._add(response):
                        return
                    self.news.set()
                    if self._read_ahead >= MOST_AHEAD:
                        self._room.clear()
                        await self._room.wait()
                    await breather.breathe()
        # Any exception goes to the consumer of the answer: sys.exit in a separate task would end the loop.
        except BaseException as error:  # noqa: BLE001
            self.error = error
        finally:
            self.is_over = True
            self.news.set()

    @property
    def floods(self) -> bool:
        """Whether more arrived at once than anyone can read."""
        return len(self._waiting) >= FLOOD

    def take(self) -> list[LlmResponse]:
        """Return what arrived since the last call, in as few pieces as possible."""
        waiting, self._waiting, self._read_ahead = self._waiting, [], 0
        self.news.clear()
        self._room.set()
        pieces: list[list[LlmResponse]] = []
        for response in waiting:
            if pieces and _can_join(pieces[-1][-1], response):
                pieces[-1].append(response)
            else:
                pieces.append([response])
        return [_joined(piece) if len(piece) > 1 else piece[0] for piece in pieces]

    def _add(self, response: LlmResponse) -> bool:
        """Add the next response. Returns whether the answer may continue."""
        # A complete response repeats all the text of the partial ones.
        before = self._size if response.partial else 0
        kept, size = _first_parts(_parts(response), self._limit - before)
        size = size or int(bool(response.partial))  # so that an answer of only empty pieces ends, too
        is_cut = before + size > self._limit
        if is_cut and response.content:
            response = response.model_copy(update={"content": response.content.model_copy(update={"parts": kept})})
        if not response.partial:
            self._size, self._said = 0, []
            if is_cut:
                response = response.model_copy(update={"error_code": TOO_LONG, "finish_reason": None})
            self._waiting.append(response)
            return not is_cut
        self._size += size
        self._read_ahead += size + CHUNK
        self._said += [part for part in kept if part.text]
        self._waiting.append(response)
        if is_cut:
            content = types.Content(role="model", parts=_runs(self._said)) if self._said else None
            self._waiting.append(response.model_copy(update=_end(content)))
        return not is_cut


def _end(content: types.Content | None) -> dict[str, object]:
    return {"content": content, "partial": False, "error_code": TOO_LONG}


def _parts(response: LlmResponse) -> list[types.Part]:
    return (response.content.parts if response.content else None) or []


def _first_parts(parts: list[types.Part], room: int) -> tuple[list[types.Part], int]:
    """Return the parts that fit in ``room``, the last one cut if it is text, and the size of all parts up to the first
    that does not fit."""
    kept: list[types.Part] = []
    size = 0
    for part in parts:
        before, size = size, size + _size_of(part, room)
        if size <= room:
            kept.append(part)
            continue
        if part.text and (text := part.text[: max(0, room - before)]):
            kept.append(part.model_copy(update={"text": text}))
        break
    return kept, size


def _size_of(part: types.Part, most: int) -> int:
    code = part.executable_code.code if part.executable_code else None
    output = part.code_execution_result.output if part.code_execution_result else None
    size = len(part.text or "") + len(code or "") + len(output or "")
    if call := part.function_call:
        size += len(call.name or "") + characters_in(call.args, most)
        size += sum(len(arg.string_value or "") + 1 for arg in call.partial_args or ())
    return size


def _can_join(first: LlmResponse, second: LlmResponse) -> bool:
    """Whether two pieces carry nothing besides their parts that belongs to only one of them."""
    if not (first.partial and second.partial):
        return False
    if first.content and second.content and first.content.role != second.content.role:
        return False
    return all(getattr(one, name) is None for one in (first, second) for name in _OTHERS)


def _joined(responses: list[LlmResponse]) -> LlmResponse:
    last = responses[-1]
    parts = _runs([part for response in responses for part in _parts(response)])
    role = next((response.content.role for response in responses if response.content), None)
    content = types.Content(role=role, parts=parts) if parts else None
    usage = next((one.usage_metadata for one in reversed(responses) if one.usage_metadata), None)
    return last.model_copy(update={"content": content, "usage_metadata": usage})


def _runs(parts: list[types.Part]) -> list[types.Part]:
    """Join consecutive texts of the same kind, and consecutive pieces of the same call argument."""
    return [part for kind, run in groupby(parts, _kind) for part in (_one(run) if kind else run)]


def _kind(part: types.Part) -> tuple[str | None, ...] | None:
    if part.text is not None and part.model_fields_set <= _PLAIN:
        return ("thought" if part.thought else "text",)
    call = part.function_call
    if call and call.partial_args and part.model_fields_set == {"function_call"} and not call.args:
        [piece, *others] = call.partial_args
        if not others and piece.string_value is not None and call.will_continue and piece.will_continue:
            return "argument", call.id, call.name, piece.json_path
    return None


def _one(run: Iterator[types.Part]) -> list[types.Part]:
    parts = list(run)
    first = parts[0]
    if first.function_call is None:
        return [types.Part(text="".join(part.text or "" for part in parts), thought=first.thought)]
    pieces = [piece for part in parts if part.function_call for piece in part.function_call.partial_args or ()]
    whole = pieces[0].model_copy(update={"string_value": "".join(piece.string_value or "" for piece in pieces)})
    return [types.Part(function_call=first.function_call.model_copy(update={"partial_args": [whole]}))]
