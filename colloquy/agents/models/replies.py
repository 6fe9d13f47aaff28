"""Limits what a model server may send: an endless line or error would fill all memory, whatever the limit for answers
is. Also checks the token counts that servers report."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from openai.types import CompletionUsage
from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails

from colloquy.agents.models.failures import ModelError
from colloquy.agents.models.pacing import Breather, answer_characters
from colloquy.compat.openai_models import BaseModel
from session_store.phrases import size_text
from session_store.sessions.event_rows import believed

BYTES_PER_CHARACTER = 12
"""Bytes per character of JSON that escapes everything."""

BYTES_PER_EVENT = 500
"""About how many bytes a server needs to stream a single character."""

LEAST = 16_000_000
"""How many bytes of one event, or of a non-streamed answer, are always read, however low the limit for answers is: it
may contain a picture."""

MOST_LINES = 1_000
"""The most lines of one event. With each further line, the library copies what it has of the event."""

LONGEST_ERROR = 20_000
"""The most bytes of an error message that are read; nobody would read more."""

_END_OF_EVENT = re.compile(rb"\n\n|\r\r|\r\n\r\n")
_END_OF_LINE = re.compile(rb"[\r\n]")


class TooMuchSentError(ModelError):
    """A server sent more than any answer needs."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The model server sent {what}, so the answer was ended. Send the message again, and check that the"
            " address is that of a model server."
        )


def bound(response: Any) -> None:  # noqa: ANN401 - of one of the HTTP clients that the library uses
    """Keep a response whose body has not been read yet from yielding more than an answer can need."""
    read = response.aiter_bytes
    if response.status_code >= 400:
        kept = _beginning(response, read())
    elif "event-stream" in response.headers.get("content-type", ""):
        kept = _events(read())
    else:
        kept = _whole(read())
    response.aiter_bytes = lambda *_: read() if hasattr(response, "_content") else kept


async def _beginning(response: Any, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:  # noqa: ANN401
    left = LONGEST_ERROR
    async for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            await response.aclose()
            return


async def _whole(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    most, size, breather = _most_bytes(), 0, Breather()
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise TooMuchSentError(f"more than {size_text(most)} at once")
        yield chunk
        await breather.breathe()


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield whole events: with each piece it gets, the library copies what it has of an event."""
    most, most_of_all = _most_bytes(), max(LEAST, BYTES_PER_EVENT * answer_characters.get())
    waiting: list[bytes] = []
    size = lines = of_all = 0
    end, breather = b"", Breather()
    async for chunk in chunks:
        waiting.append(chunk)
        size, of_all = size + len(chunk), of_all + len(chunk)
        if _END_OF_EVENT.search(end + chunk):
            yield b"".join(waiting)
            waiting.clear()
            size = lines = 0
        else:
            lines += len(_END_OF_LINE.findall(chunk))
        if size > most or lines > MOST_LINES:
            raise TooMuchSentError(f"a piece of an answer of more than {size_text(most)} or {MOST_LINES:,} lines")
        if of_all > most_of_all:
            raise TooMuchSentError(f"more than {size_text(most_of_all)} for one answer")
        end = chunk[-3:] if len(chunk) > 2 else (end + chunk)[-3:]
        await breather.breathe()
    if waiting:
        yield b"".join(waiting)


def _most_bytes() -> int:
    return max(LEAST, BYTES_PER_CHARACTER * answer_characters.get())


def usage_in(reported: object) -> CompletionUsage | None:
    """Return a server's token counts as far as they are plausible."""
    if not isinstance(reported, BaseModel | dict):
        return None
    prompt, completion, total = (
        believed(_field(reported, name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    cached = believed(_field(_field(reported, "prompt_tokens_details"), "cached_tokens"))
    thoughts = believed(_field(_field(reported, "completion_tokens_details"), "reasoning_tokens"))
    return CompletionUsage.construct(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total,
        prompt_tokens_details=PromptTokensDetails.construct(cached_tokens=cached),
        completion_tokens_details=CompletionTokensDetails.construct(reasoning_tokens=thoughts),
    )


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
