"""A workbench with the scripted model, and ways to wait for what it does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from colloquy.runtime.workbench import Workbench
from colloquy.settings import Settings
from session_store.models import SessionKey, Turn
from session_store.transcripts.transcript import Message, messages
from tests.support.scripted import ScriptedModels

PATIENCE = 60.0


def open_workbench(folder: Path, **settings: object) -> Workbench:
    return Workbench.open(Settings(_env_file=None, data_dir=folder, **settings), ScriptedModels())


def new_session(workbench: Workbench, agent_id: str = "assistant", **where: str) -> SessionKey:
    """A session with an agent; ``workspace_id`` says where."""
    return workbench.create_session(agent_id=agent_id, model=workbench.models.default().id, **where).key


def until(workbench: Workbench, condition: Callable[[], object]) -> None:
    """Wait for a condition that some event of the bus brings about."""
    news = threading.Event()
    unsubscribe = workbench.bus.subscribe(lambda _: news.set())
    try:
        while not condition():
            assert news.wait(PATIENCE), "nothing more happened, and the condition does not hold"
            news.clear()
    finally:
        unsubscribe()


def until_loaded(workbench: Workbench) -> None:
    """Wait for the agent folders."""
    assert workbench.agents._folders.loaded.wait(PATIENCE), "the agent folders are not loaded"


def finish(workbench: Workbench, *turns: Turn) -> list[Turn]:
    """Wait until the turns are over and return them as they ended."""
    for turn in turns:
        until(workbench, lambda turn=turn: all(view.turn.id != turn.id for view in workbench.turns.live(turn.key)))
    return [workbench.store.get_turn(turn.id) for turn in turns]


def said(workbench: Workbench, key: SessionKey) -> list[tuple[str, str]]:
    """The conversation as pairs of author and text."""
    return [(message.author, message.text) for message in conversation(workbench, key)]


def conversation(workbench: Workbench, key: SessionKey) -> list[Message]:
    return messages(workbench.store.list_events(key, limit=1000))


def counted(number: int) -> str:
    """What the scripted model says when told to count."""
    return "".join(f"w{i} " for i in range(number))
