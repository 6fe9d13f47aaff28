"""ADK agent folders for tests. Each test needs new names, because imported modules stay imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colloquy.agents.adk_folders import AdkFolders

PATIENCE = 60.0

AGENT = "from google.adk.agents import LlmAgent\nroot_agent = LlmAgent(name='guide', description='Knows the way.')\n"


class AgentFolders:
    """Writes folders in the form that ``adk web`` accepts, all in one parent folder."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent

    def __call__(self, name: str, code: str, **files: str) -> Path:
        """A folder with ``agent.py``; ``files`` are further files by name, with ``__`` in place of the dot."""
        folder = self.parent / name
        folder.mkdir(parents=True)
        for file, text in {"agent.py": code, **files}.items():
            (folder / file).write_text(text, "utf-8")
        return folder


@contextmanager
def agent_folders(parent: Path) -> Iterator[AgentFolders]:
    """Write agent folders. Changes made to the process by importing them are undone, except for the modules."""
    path, environment = sys.path.copy(), os.environ.copy()
    try:
        yield AgentFolders(parent / "agent_folders")
    finally:
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)


def loaded(folder: Path) -> AdkFolders:
    """The agents of a folder, once all of them are loaded."""
    folders = AdkFolders(folder)
    folders.load()
    assert folders.loaded.wait(PATIENCE)
    return folders
