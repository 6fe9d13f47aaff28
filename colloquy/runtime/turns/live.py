"""A turn that is not over yet: what it has said so far."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from google.genai import types

from colloquy.runtime.turns.confirmation import Pause
from colloquy.runtime.turns.event_stream import EventStream
from session_store.errors import StoreError
from session_store.models import Turn, TurnStatus
from session_store.transcripts.parts import Thought, Words, thoughts_and_words

EVENT_END = "\x1e"
"""Marks in a turn's stored chunks where an event is complete: everything before it is in the store as that event."""

UNKEPT = "Colloquy failed to finish this turn. See the log for details."


def unfinished_text(chunks: str) -> str:
    """Return what a turn was saying when its process died, from all its chunks joined."""
    return chunks.rpartition(EVENT_END)[2]


def parts_of(pieces: Iterable[tuple[bool, str]]) -> list[types.Part]:
    """Return text and thoughts as parts of a content."""
    return [types.Part(text=text, thought=is_thought or None) for is_thought, text in pieces]


@dataclass(frozen=True, slots=True)
class LiveView:
    """A consistent snapshot of a live turn.

    ``pieces`` are what the event ``event_id`` has said and thought so far and is not in the store yet, in order, each
    with whether it is a thought; ``text`` is what it has said. Callers that also show the store's events read this
    first, and leave the pieces out if the store has ``event_id`` by then.
    """

    turn: Turn
    status: TurnStatus
    text: str
    event_id: str | None
    problem: str | None
    """Why the end of the turn, which is over, could not be stored yet."""
    author: str | None = None
    """The author of the pieces."""
    pieces: Sequence[tuple[bool, str]] = ()
    begun: bool = False
    """Whether ``text`` is expected to begin in the middle of a thought."""
    answers: Mapping[str, bool] = field(default_factory=dict, hash=False)
    """The answers of a turn that is paused, or queued again after its pause, by the ids of the asking calls."""

    @property
    def shown(self) -> list[Thought | Words]:
        """The visible part of ``pieces``."""
        found: list[Thought | Words] = []
        for place, (is_thought, text) in enumerate(self.pieces, start=1):
            ended = place < len(self.pieces)
            if not is_thought:
                found += thoughts_and_words(text, ended=ended, begun=self.begun)
            elif text.strip():
                found.append(Thought(text.strip(), ended=ended))
        return found

    @property
    def parts(self) -> list[types.Part]:
        """``pieces`` as they are stored if nothing follows. A text that ends in the middle of a thought gets the
        opening tag, which only the prompt had."""
        made = parts_of(self.pieces)
        if self.begun and self.shown != replace(self, begun=False).shown:
            made[-1].text = f"<think>{made[-1].text}"
        return made


class LiveTurn:
    """Collects the chunks of one turn. Written by one thread at a time, read by any."""

    def __init__(self, turn: Turn, state_delta: Mapping[str, Any] | None = None) -> None:
        """``state_delta`` is the change of state that an ADK client sent with the message."""
        self.turn = turn
        self.state_delta = dict(state_delta) if state_delta else None
        self.event_stream = EventStream()
        """What the turn emitted since it was submitted, or last answered."""
        self.ending: tuple[TurnStatus, str | None] = TurnStatus.FAILED, UNKEPT
        """How the turn is about to end: status and error."""
        self.ended_at = 0.0
        """When the turn ended, in Unix seconds, if that could not be stored."""
        self.error: str | None = None
        self.status = TurnStatus.QUEUED
        self.author: str | None = None
        self.problem: StoreError | None = None
        self.pause: Pause | None = None
        """What the turn is waiting for, or last waited for."""
        self.is_given_up = False
        """The turn has ended without its agent, which may not say anything more."""
        self._event_id: str | None = None
        self._begun = False
        self._pieces: list[tuple[bool, list[str]]] = []
        self._unsaved: list[str] = []
        self._said_anything = False
        self._lock = threading.Lock()

    def add(self, event_id: str, author: str, text: str, *, is_thought: bool = False, begun: bool = False) -> None:
        """Add a chunk of the event ``event_id``, whose text may have ``begun`` in the middle of a thought."""
        with self._lock:
            if event_id != self._event_id:
                self._pieces.clear()
            self._event_id, self.author, self._begun = event_id, author, begun
            if not self._pieces or self._pieces[-1][0] is not is_thought:
                self._pieces.append((is_thought, []))
            self._pieces[-1][1].append(text)
            if not is_thought:
                self._unsaved.append(text)
                self._said_anything = True

    def streamed_parts(self, event_id: str) -> list[types.Part]:
        """Return what the event with this id has said and thought so far; nothing if another event is being said."""
        with self._lock:
            return parts_of(self._joined()) if event_id == self._event_id else []

    def event_stored(self) -> None:
        """Note that the event whose chunks were collected is now in the store, complete."""
        with self._lock:
            self._event_id = None
            self._pieces.clear()
            if self._said_anything:
                self._unsaved.append(EVENT_END)
                self._said_anything = False

    def take_unsaved(self) -> str:
        """Return what was said since the last call, to be stored in case the process dies."""
        with self._lock:
            text = "".join(self._unsaved)
            self._unsaved.clear()
            return text

    def put_back(self, text: str) -> None:
        """Put back what ``take_unsaved`` returned and could not be stored; the next call returns it again."""
        with self._lock:
            if text:
                self._unsaved.insert(0, text)

    def end_unkept(self, problem: StoreError) -> None:
        """Mark the turn as ended the way it was about to, although a problem kept that from being stored."""
        with self._lock:
            (self.status, self.error), self.problem = self.ending, problem

    def view(self) -> LiveView:
        """Return a snapshot of the turn as it is now."""
        with self._lock:
            pieces = self._joined()
            return LiveView(
                turn=self.turn,
                status=self.status,
                text="".join(text for is_thought, text in pieces if not is_thought),
                event_id=self._event_id,
                problem=str(self.problem) if self.problem else None,
                author=self.author if pieces else None,
                pieces=pieces,
                begun=self._begun,
                answers=self.pause.answers if self.pause and self.status is not TurnStatus.RUNNING else {},
            )

    def _joined(self) -> list[tuple[bool, str]]:
        return [(is_thought, "".join(texts)) for is_thought, texts in self._pieces]
