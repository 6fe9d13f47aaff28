"""An application with the scripted model, and helpers that wait for what it does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from colloquy.runtime.application import Application
from colloquy.settings import Settings
from session_store.models import SessionKey, Turn
from session_store.transcripts.transcript import Message, messages
from tests.support.scripted import ScriptedModels

PATIENCE = 60.0


def open_application(folder: Path, **settings: object) -> Application:
    return Application.open(Settings(_env_file=None, data_dir=folder, **settings), ScriptedModels())


def new_session(application: Application, agent_id: str = "assistant", **where: str) -> SessionKey:
    """Create a session with an agent; ``workspace_id`` sets its workspace."""
    return application.create_session(agent_id=agent_id, model=application.models.default().id, **where).key


def until(application: Application, condition: Callable[[], object]) -> None:
    """Wait for a condition that an event of the bus brings about."""
    news = threading.Event()
    unsubscribe = application.bus.subscribe(lambda _: news.set())
    try:
        while not condition():
            assert news.wait(PATIENCE), "nothing more happened, and the condition does not hold"
            news.clear()
    finally:
        unsubscribe()


def until_loaded(application: Application) -> None:
    """Wait until the agent folders are loaded."""
    assert application.agents._folders.loaded.wait(PATIENCE), "the agent folders are not loaded"


def finish(application: Application, *turns: Turn) -> list[Turn]:
    """Wait until the turns are over, and return them in their final state."""
    for turn in turns:
        until(application, lambda turn=turn: all(view.turn.id != turn.id for view in application.turns.live(turn.key)))
    return [application.store.turns.get(turn.id) for turn in turns]


def said(application: Application, key: SessionKey) -> list[tuple[str, str]]:
    """Return the conversation as pairs of author and text."""
    return [(message.author, message.text) for message in conversation(application, key)]


def conversation(application: Application, key: SessionKey) -> list[Message]:
    return messages(application.store.events.list(key, limit=1000))


def counted(number: int) -> str:
    """Return what the scripted model says when told to count."""
    return "".join(f"w{i} " for i in range(number))
