"""Accepts messages, runs their turns in the background, and reports their status."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from google.adk.errors.not_found_error import NotFoundError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.genai import types

from colloquy.runtime.attachments import Attachment, is_file, refuse_large, refuse_many
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.services import Services
from colloquy.runtime.turns.confirmation import confirmations
from colloquy.runtime.turns.event_stream import EventStream
from colloquy.runtime.turns.live import LiveTurn, LiveView
from colloquy.runtime.turns.loop import TurnLoop
from colloquy.runtime.turns.messages import EmptyMessageError, Messages, SessionGoneError, user_content
from colloquy.runtime.turns.runner import rewinder_for
from session_store.errors import ColloquyError
from session_store.models import SessionKey, Turn, TurnStatus
from session_store.transcripts.parts import USER
from session_store.transcripts.transcript import message_text


class SessionBusyError(ColloquyError):
    """The conversation cannot be changed while one of its turns runs."""


class Turns:
    """The turns of all sessions. Its methods may be called from any thread except the turns' own."""

    def __init__(self, services: Services, *, max_turns: int) -> None:
        self._services = services
        self._messages = Messages(services)
        self._entry = threading.RLock()  # keeps the rows in the same order as the queue
        self._loop = TurnLoop(services, max_turns=max_turns)

    def start(self) -> None:
        """Close the turns that a dead process left open, resume waiting for persons, then accept messages."""
        self._loop.start()

    def close(self) -> None:
        """End running turns as interrupted, store what they said, and stop the loop."""
        self._loop.close()

    def submit(self, key: SessionKey, text: str, files: Sequence[Attachment] = ()) -> Turn:
        """Accept a message. Its turn runs at once, or waits for earlier ones. The message is durable when this returns.

        Raises:
            EmptyMessageError, SessionGoneError
            AttachmentRefusedError: a file cannot be part of a message, or the session's model does not read it.
        """
        return self._submit(key, user_content(text, self._messages.parts_of(key, files)))

    def submit_content(
        self, key: SessionKey, content: types.Content, *, state_delta: Mapping[str, Any] | None = None
    ) -> Turn:
        """Accept what an ADK client sends: a message, or function responses.

        Answers to a tool's question go to the turn that waits for them, which resumes and is returned. Anything else
        becomes a turn of its own, as with ``submit``; ``state_delta`` is applied to the session when that turn begins.

        Raises:
            EmptyMessageError, SessionGoneError
            AttachmentRefusedError: the files are too large, or too many.
            NothingToAnswerError: it answers a question that is not being asked, or no longer.
            AgentProblemError: it answers a tool of an agent that is not loaded yet.
        """
        if responses := confirmations(content):
            return self._loop.call(self._loop.answer_in(key, responses))
        sizes = [len(part.inline_data.data or b"") for part in content.parts or [] if part.inline_data]
        refuse_many(len(sizes))
        refuse_large(sum(sizes), most_mb=self._services.settings.attachment_mb)
        return self._submit(key, content.model_copy(update={"role": USER}), state_delta)

    def _submit(self, key: SessionKey, content: types.Content, state_delta: Mapping[str, Any] | None = None) -> Turn:
        with self._entry:
            turn = self._messages.store_turn(key, content)
            self._services.active.add(key, turn.id)
            self._loop.enqueue(LiveTurn(turn, state_delta))
        return turn

    def replace(self, turn: Turn, text: str) -> Turn:
        """Replace a turn's message with ``text``, keeping its files. The turn and everything after it are taken back
        and kept as another version of the message, which ``show`` returns to.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
            StoreFullError, StoreNotWritableError: what its last turn said could not be stored yet.
            EmptyMessageError, SessionGoneError
        """
        message = types.Content.model_validate(self._turn_with_message(turn.id).message)
        files = [part for part in message.parts or [] if is_file(part)]
        if not text.strip() and not files:
            raise EmptyMessageError
        with self._entry:
            self._refuse_busy(turn.key)
            self._loop.call(self._rewind(turn.key, turn.id))
            self._services.bus.publish(BusEvent(EventKind.SESSION_CHANGED, turn.key))
            return self._submit(turn.key, user_content(text, files))

    def show(self, turn: Turn) -> None:
        """Return to a version of a message: the conversation becomes what it was when this turn was last part of it.
        Does nothing if the turn is already part of it.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
            SessionGoneError
        """
        with self._entry:
            self._refuse_busy(turn.key)
            before = self._services.store.turns.rewind_to_show(turn.key, turn.id)
            if before is None:
                return
            self._loop.call(self._rewind(turn.key, before))
        self._services.bus.publish(BusEvent(EventKind.SESSION_CHANGED, turn.key))

    def _refuse_busy(self, key: SessionKey) -> None:
        if live := self._loop.of_session(key):
            if live[0].status is TurnStatus.PAUSED:
                raise SessionBusyError("Answer the tool's request, or stop it, before you change the chat.")
            if live[0].problem:
                raise live[0].problem
            raise SessionBusyError("Stop the running answer before you change the chat.")

    @contextmanager
    def without_turns(self, key: SessionKey) -> Iterator[None]:
        """Keep turns from starting while a session is changed. For short work only: all sessions wait.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
        """
        with self._entry:
            self._refuse_busy(key)
            yield

    def retry(self, turn: Turn) -> Turn:
        """Take a turn back and run its message again. Raises the same errors as ``replace``."""
        return self.replace(turn, message_text(self._turn_with_message(turn.id)))

    def stop(self, turn_id: str) -> None:
        """End a running turn and keep what it said, or withdraw a waiting one. Does nothing if it is over."""
        self._loop.call(self._loop.stop(turn_id))

    def answer(self, turn_id: str, call_id: str, approved: bool) -> None:  # noqa: FBT001 - it is the answer
        """Approve or decline what a tool of a paused turn asks. The turn resumes once all its questions are answered.

        ``call_id`` is the id of the asking call (``adk_request_confirmation``) or of the call that it is about.

        Raises:
            NothingToAnswerError: it has already been answered, or the turn is over.
            AgentProblemError: the agent is not loaded yet.
        """
        self._loop.call(self._loop.answer(turn_id, {call_id: {"confirmed": approved}}))

    def live(self, key: SessionKey) -> list[LiveView]:
        """Return the unfinished turns of a session, in order: the first may be running, the others wait."""
        return [live.view() for live in self._loop.of_session(key)]

    def wait(self, turn_id: str, timeout: float | None = None) -> Turn:
        """Wait until a turn is over or waits for a person, at most ``timeout`` seconds. Returns the turn as it is then.

        Do not call it on an event loop. Raises SessionGoneError if there is no such turn.
        """
        if event_stream := self.event_stream(turn_id):
            event_stream.wait(timeout)
        return self._turn_with_message(turn_id)

    async def follow(self, turn: Turn) -> AsyncIterator[Event]:
        """Yield the events of a turn since it was submitted, or last answered, until it is over or waits for a person.

        These are the events that its ADK runner yields, in their order: the person's message first, partial ones as
        they arrive, complete ones once they are stored. A caller that follows right after ``submit``,
        ``submit_content`` or ``answer`` gets all of them; for a turn that ended a while ago, only the complete ones.
        Works in any event loop, at the caller's own pace. Leaving early does not stop the turn.
        """
        event_stream = self.event_stream(turn.id)
        if event_stream is None:
            for stored in await asyncio.to_thread(self._services.store.events.of_turn, turn):
                yield stored.event
            return
        async for event in event_stream.follow():
            yield event

    def event_stream(self, turn_id: str) -> EventStream | None:
        """Return what a turn emitted since it was submitted or last answered; None if it ended a while ago."""
        live = self._loop.known(turn_id)
        return live.event_stream if live else None

    def end_all(self, key: SessionKey, *, but: Collection[str] = ()) -> set[str]:
        """End all turns of a session ``but`` those with the given ids. Waiting turns go first, so that none of them
        begins.

        Returns the ids of the turns that were told to end. One that is held up by a tool ends later.
        """
        stopped = [live.turn.id for live in self._loop.of_session(key) if live.turn.id not in but]
        for turn_id in reversed(stopped):
            self.stop(turn_id)
        return set(stopped)

    @contextmanager
    def submissions_blocked(self) -> Iterator[None]:
        """Keep new messages out of all sessions for a moment. The same thread may still submit."""
        with self._entry:
            yield

    def _turn_with_message(self, turn_id: str) -> Turn:
        """Return the turn with its message."""
        turn = self._services.store.turns.get(turn_id)
        if turn is None:
            raise SessionGoneError
        return turn

    async def _rewind(self, key: SessionKey, before: str) -> None:
        try:
            await rewinder_for(key.app_name, self._services).rewind_async(
                user_id=key.user_id, session_id=key.session_id, rewind_before_invocation_id=before
            )
        except (SessionNotFoundError, NotFoundError) as error:
            raise SessionGoneError from error
