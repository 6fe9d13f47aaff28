"""The process of the crash tests: it holds many conversations at once until it is killed.

It reports everything that was acknowledged: a session created, a message accepted, an event appended, a piece of an
unfinished answer saved. It also reports each chunk that the model has said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from google.adk.events.event import Event
from google.adk.sessions import Session

from colloquy.runtime import application as application_module
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.runtime.sessions import Sessions
from session_store import store as store_module
from session_store.models import TurnStatus
from session_store.sessions.turns import StoredTurns
from session_store.transcripts.parts import text_of
from tests.support.applications import finish, new_session, open_application, until, until_loaded

SESSIONS = 4
MESSAGES = ("count 5 every 10 ms", "count 200 every 10 ms")

_lock = threading.Lock()
_listener: list[Connection] = []


def tell(kind: str, **facts: object) -> None:
    """Send a report to the parent. Safe from several threads."""
    with _lock:
        _listener[0].send({"kind": kind, **facts})


class TellingSessions(Sessions):
    """Reports each event that was appended."""

    async def append_event(self, session: Session, event: Event) -> Event:
        appended = await super().append_event(session, event)
        if not event.partial:
            tell("event", id=event.id, session=session.id, turn=event.invocation_id, text=text_of(event.content))
        return appended


class TellingTurns(StoredTurns):
    """Reports each piece of an answer that was saved."""

    def append_chunks(self, chunks: Mapping[str, str]) -> None:
        super().append_chunks(chunks)
        for turn, text in chunks.items():
            tell("kept", turn=turn, text=text)


def converse_until_killed(folder: Path, listener: Connection) -> None:
    """Open the data folder and hold conversations in ``SESSIONS`` new sessions, forever."""
    _listener.append(listener)
    application_module.Sessions, store_module.StoredTurns = TellingSessions, TellingTurns  # type: ignore[misc]
    application = open_application(folder)

    def hear(event: BusEvent) -> None:
        if event.kind is EventKind.AGENT_CHUNK:
            tell("said", turn=event.turn_id, text=event.text, at=time.monotonic())

    def converse() -> None:
        key = new_session(application)
        while True:
            turns = []
            for message in MESSAGES:
                turns.append(application.turns.submit(key, message))
                tell("turn", id=turns[-1].id, session=key.session_id, text=message)
            finish(application, *turns)

    application.bus.subscribe(hear)
    threads = [threading.Thread(target=converse) for _ in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ask_and_wait(folder: Path, agents_dir: Path, agent_id: str, message: str, listener: Connection) -> None:
    """Send a message whose tool asks the user, report when the turn is paused, and wait forever."""
    application = open_application(folder, agents_dir=agents_dir)
    until_loaded(application)
    key = new_session(application, agent_id)
    turn = application.turns.submit(key, message)
    until(application, lambda: application.store.turns.get(turn.id).status is TurnStatus.PAUSED)
    listener.send((key, turn.id))
    threading.Event().wait()


def approve(folder: Path, agents_dir: Path, turn_id: str, call_id: str, listener: Connection) -> None:
    """Approve a tool's question. The tool reports in the folder that it runs, and never answers."""
    application = open_application(folder, agents_dir=agents_dir)
    until_loaded(application)
    application.turns.answer(turn_id, call_id, True)
    until(application, lambda: application.store.turns.get(turn_id).status is TurnStatus.RUNNING)
    listener.send("runs")
    threading.Event().wait()
