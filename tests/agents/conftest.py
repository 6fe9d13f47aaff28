import os
import sys

import pytest

from tests.agents.folders import AgentFolders


@pytest.fixture
def agent_folder(tmp_path, monkeypatch):
    """Writes agent folders. What importing them changes in the process is taken back."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    environment = os.environ.copy()
    yield AgentFolders(tmp_path / "agent_folders")
    os.environ.clear()
    os.environ.update(environment)
