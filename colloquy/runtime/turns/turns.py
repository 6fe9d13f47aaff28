"""Takes messages, runs their turns in the background and says how they stand."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from google.adk.errors.not_found_error import NotFoundError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.genai import types

from colloquy.runtime.attachments import Attachment, is_file, refuse_large, refuse_many
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.services import Services
from colloquy.runtime.texts import user_content
from colloquy.runtime.turns.confirmation import confirmations
from colloquy.runtime.turns.event_stream import EventStream
from colloquy.runtime.turns.live import LiveTurn, LiveView
from colloquy.runtime.turns.loop import TurnLoop
from colloquy.runtime.turns.messages import EmptyMessageError, Messages, SessionGoneError
from colloquy.runtime.turns.runner import rewinder_for
from session_store import Store
from session_store.errors import ColloquyError
from session_store.models import SessionKey, Turn, TurnStatus
from session_store.transcripts.parts import USER
from session_store.transcripts.transcript import message_text


class SessionBusyError(ColloquyError):
    """The conversation cannot be changed while a turn of it runs."""


class Turns:
    """The turns of all sessions. Its methods may be called from any thread but that of the turns themselves."""

    def __init__(self, services: Services, *, max_turns: int) -> None:
        self._services = services
        self._messages = Messages(services)
        self._entry = threading.RLock()  # keeps the order of the rows that of the queue
        self._loop = TurnLoop(services, max_turns=max_turns)

    def start(self) -> None:
        """Close what a process that died left open, go on to wait where it waited for a person, then take messages."""
        self._loop.start()

    def close(self) -> None:
        """End running turns as interrupted, keep what they said, and stop the loop."""
        self._loop.close()

    def submit(self, key: SessionKey, text: str, files: Sequence[Attachment] = ()) -> Turn:
        """Take a message. Its turn runs at once, or waits for those before it. Durable when this returns.

        Raises:
            EmptyMessageError, SessionGoneError
            AttachmentRefusedError: a file cannot be part of a message, or the session's model does not read it.
        """
        return self._submit(key, user_content(text, self._messages.parts_of(key, files)))

    def submit_content(
        self, key: SessionKey, content: types.Content, *, state_delta: Mapping[str, Any] | None = None
    ) -> Turn:
        """Take what a client of ADK sends: a message, or the responses of functions.

        Answers to what a tool asks go to the turn that waits for them, which is returned, and goes on. Everything else
        is a turn of its own, like one of ``submit``; ``state_delta`` is applied to the session when that begins.

        Raises:
            EmptyMessageError, SessionGoneError
            AttachmentRefusedError: the files are too large, or too many.
            NothingToAnswerError: it answers what nothing asks (any more).
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
            turn = self._messages.new_turn(key, content)
            try:
                self._services.store.create_turn(turn)
            except SessionNotFoundError as error:
                raise SessionGoneError from error
            self._services.active.add(key, turn.id)
            self._loop.enqueue(LiveTurn(turn, state_delta))
        return turn

    def replace(self, turn: Turn, text: str) -> Turn:
        """Say ``text`` in place of a turn's message, with the files of that: the turn and everything after it are taken
        back, and kept as another version of the message, to which ``show`` goes back.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
            StoreFullError, StoreNotWritableError: what its last turn said could not be kept yet.
            EmptyMessageError, SessionGoneError
        """
        message = types.Content.model_validate(self._whole(turn.id).message)
        files = [part for part in message.parts or [] if is_file(part)]
        if not text.strip() and not files:
            raise EmptyMessageError
        with self._entry:
            self._refuse_busy(turn.key)
            self._loop.call(self._rewind(turn.key, turn.id))
            self._services.bus.publish(BusEvent(EventKind.SESSION_CHANGED, turn.key))
            return self._submit(turn.key, user_content(text, files))

    def show(self, turn: Turn) -> None:
        """Go back to a version of a message: the conversation is as it was when this turn was last a part of it. Does
        nothing if it is one.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
            SessionGoneError
        """
        with self._entry:
            self._refuse_busy(turn.key)
            before = self._services.store.rewind_to_show(turn.key, turn.id)
            if before is None:
                return
            self._loop.call(self._rewind(turn.key, before))
        self._services.bus.publish(BusEvent(EventKind.SESSION_CHANGED, turn.key))

    def _refuse_busy(self, key: SessionKey) -> None:
        if live := self._loop.of_session(key):
            if live[0].status is TurnStatus.PAUSED:
                raise SessionBusyError("Answer the tool's request, or stop it, before you change the conversation.")
            if live[0].problem:
                raise live[0].problem
            raise SessionBusyError("Stop the running answer before you change the conversation.")

    @contextmanager
    def without_turns(self, key: SessionKey) -> Iterator[None]:
        """Keep turns from starting while a session is changed. For short work only: all sessions wait.

        Raises:
            SessionBusyError: a turn of the session is running or waiting.
        """
        with self._entry:
            if self.live(key):
                raise SessionBusyError("A turn of this conversation is running or waiting. Try again when it is over.")
            yield

    def retry(self, turn: Turn) -> Turn:
        """Take back a turn and run its message again. Raises like ``replace``."""
        return self.replace(turn, message_text(self._whole(turn.id)))

    def stop(self, turn_id: str) -> None:
        """End a running turn and keep what it said, or withdraw a waiting one. Does nothing if it is over."""
        self._loop.call(self._loop.stop(turn_id))

    def answer(self, turn_id: str, call_id: str, approved: bool) -> None:  # noqa: FBT001 - it is the answer
        """Approve or decline what a tool of a paused turn asks. The turn goes on when all that it asks is answered.

        ``call_id`` is that of the asking call (``adk_request_confirmation``) or of the call it is about.

        Raises:
            NothingToAnswerError: it was answered already, or the turn is over.
            AgentProblemError: the agent is not loaded yet.
        """
        self._loop.call(self._loop.answer(turn_id, {call_id: {"confirmed": approved}}))

    def live(self, key: SessionKey) -> list[LiveView]:
        """The turns of a session that are not over, in order: the first may be running, the others wait."""
        return [live.view() for live in self._loop.of_session(key)]

    def wait(self, turn_id: str, timeout: float | None = None) -> Turn:
        """Wait until a turn is over or waits for a person, at most ``timeout`` seconds. Returns it as it stands then.

        Not for an event loop. Raises SessionGoneError if there is no such turn.
        """
        if event_stream := self.event_stream(turn_id):
            event_stream.wait(timeout)
        return self._whole(turn_id)

    def event_stream(self, turn_id: str) -> EventStream | None:
        """What a turn gave out since it was submitted or last answered; None if it ended a while ago."""
        live = self._loop.known(turn_id)
        return live.event_stream if live else None

    def withdraw(self, key: SessionKey, *, but: Collection[str] = ()) -> set[str]:
        """End all turns of a session ``but`` some, by their ids: those that wait first, so that none of them begins.

        Returns the ids of those that were told to end. One that a tool holds up does so later.
        """
        told = [live.turn.id for live in self._loop.of_session(key) if live.turn.id not in but]
        for turn_id in reversed(told):
            self.stop(turn_id)
        return set(told)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps new messages out of all sessions for a moment. The same thread may submit."""
        with self._entry:
            yield

    @property
    def store(self) -> Store:
        """Where turns are kept."""
        return self._services.store

    def _whole(self, turn_id: str) -> Turn:
        """The turn with its message."""
        whole = self._services.store.get_turn(turn_id)
        if whole is None:
            raise SessionGoneError
        return whole

    async def _rewind(self, key: SessionKey, before: str) -> None:
        try:
            await rewinder_for(key.app_name, self._services).rewind_async(
                user_id=key.user_id, session_id=key.session_id, rewind_before_invocation_id=before
            )
        except (SessionNotFoundError, NotFoundError) as error:
            raise SessionGoneError from error
