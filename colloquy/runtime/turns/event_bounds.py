"""Limits what an agent emits besides the text of its models, which has limits of its own: an agent that passes on a
whole table, or never ends, would fill up the memory and the store."""

from __future__ import annotations

from collections import Counter

from google.adk.events.event import Event
from google.genai import types

from colloquy.agents.models.pacing import CHUNK
from session_store.errors import ColloquyError
from session_store.limits import LONGEST_RESULT, MOST_OF_A_TURN
from session_store.phrases import beginning_of, size_text
from session_store.sizes import characters_in
from session_store.transcripts.endings import TOO_LONG

TOO_LARGE = "TOO_LARGE"
"""The error code of an event whose files were removed."""


class OutputTooLargeError(ColloquyError):
    """An agent emits more than anything can process."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The agent {what}, so the turn was ended. Have it keep such data as an artifact.")


class EmittedLimits:
    """Counts what the agent of one turn has emitted so far."""

    def __init__(self, answer_characters: int, file_bytes: int) -> None:
        """Set the limits: the characters of one answer, and the bytes of the files in one event."""
        self._answer = answer_characters
        self._files = file_bytes
        self._all = 0
        self._streamed: Counter[str] = Counter()
        """Characters of incomplete answers, by author."""

    def apply(self, event: Event) -> None:
        """Limit the next event, in place: text that is too long is cut, and files that are too large are removed. The
        event then says so, and the turn ends with it.

        Raises:
            OutputTooLargeError: nothing in the event is usable.
        """
        event.error_message = beginning_of(event.error_message) if event.error_message else event.error_message
        most = max(LONGEST_RESULT, self._answer)
        if characters_in(event.actions.state_delta, most) > LONGEST_RESULT:
            raise OutputTooLargeError(f"set more than {LONGEST_RESULT:,} characters of state at once")
        parts = (event.content.parts if event.content else None) or []
        rest = characters_in([_besides(event), *map(_data_of, parts)], most)
        if rest > most:
            raise OutputTooLargeError(f"produced more than {most:,} characters of data at once")
        files = sum(map(_bytes_of, parts))
        if files > self._files:
            self._take_out_files(event, parts)
        words = sum(len(part.text or "") for part in parts)
        self._bound_words(event, words)
        self._all += CHUNK + rest + min(files, self._files) + min(words, self._answer)
        if self._all > max(MOST_OF_A_TURN, self._answer):
            raise OutputTooLargeError(f"produced more than {MOST_OF_A_TURN:,} characters in one turn")

    def _take_out_files(self, event: Event, parts: list[types.Part]) -> None:
        too_much = OutputTooLargeError(f"produced more than {size_text(self._files)} of files at once")
        if event.partial or not event.content:
            raise too_much
        event.content = event.content.model_copy(update={"parts": [part for part in parts if not _bytes_of(part)]})
        event.error_code, event.error_message, event.finish_reason = TOO_LARGE, str(too_much), None

    def _bound_words(self, event: Event, words: int) -> None:
        before = self._streamed[event.author] if event.partial else 0
        self._streamed[event.author] = before + words if event.partial else 0
        if before + words <= self._answer or not event.content:
            return
        if before > self._answer:  # the agent was told, and goes on
            raise OutputTooLargeError("gave a longer answer than COLLOQUY_ANSWER_CHARACTERS allows")
        left = self._answer - before
        kept: list[types.Part] = []
        for part in event.content.parts or ():
            if part.text is None:
                kept.append(part)
            elif text := part.text[:left]:
                kept.append(part.model_copy(update={"text": text}))
                left -= len(text)
        event.content = event.content.model_copy(update={"parts": kept})
        if not event.error_code:
            event.error_code, event.finish_reason = TOO_LONG, None


def _besides(event: Event) -> list[object]:
    """Everything in an event except its content."""
    return [*(value for name, value in event.__dict__.items() if name != "content"), event.__pydantic_extra__]


def _data_of(part: types.Part) -> list[object]:
    """Everything in a part except its text and its files."""
    answer = part.function_response
    others = [
        value for name, value in part.__dict__.items() if name not in ("text", "inline_data", "function_response")
    ]
    return [*others, answer and answer.response]


def _bytes_of(part: types.Part) -> int:
    answered = (part.function_response.parts if part.function_response else None) or ()
    blobs = (part.inline_data, *(one.inline_data for one in answered))
    return sum(len(blob.data) for blob in blobs if blob and blob.data)
