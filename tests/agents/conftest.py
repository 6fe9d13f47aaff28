import os
import sys
from pathlib import Path

import pytest

from colloquy.agents.models.local import embedded
from colloquy.settings import load_settings
from tests.agents.data.fixtures import shop, shops
from tests.agents.folders import AgentFolders

__all__ = ["shop", "shops"]


@pytest.fixture
def agent_folder(tmp_path, monkeypatch):
    """Writes agent folders. Changes made to the process by importing them are undone."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    environment = os.environ.copy()
    yield AgentFolders(tmp_path / "agent_folders")
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of the built-in model's file."""
    folder = load_settings().models_dir.resolve()
    if not embedded.path_in(folder).is_file():
        message = "the built-in model is missing: run `python -m colloquy.agents.fetch`"
        if os.environ.get("COLLOQUY_REQUIRE_MODEL"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
