"""The notebook in the documentation: its cells run in order on a snapshot."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from colloquy.demo import fill
from session_store import Store
from session_store.snapshots.folder import SnapshotFolder
from session_store.snapshots.snapshot import SnapshotForm

NOTEBOOK = Path(__file__).parents[3] / "docs" / "history.ipynb"


@pytest.fixture
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_the_notebook_runs_on_a_snapshot(cells, tmp_path, monkeypatch):
    fill(tmp_path / "data" / "colloquy.duckdb", sessions=60, until=date(2026, 6, 1))
    store = Store(tmp_path / "data" / "colloquy.duckdb")
    SnapshotFolder(store.snapshots, tmp_path / "data").make(SnapshotForm.DUCKDB)
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    store.close()
    assert len(names["conversations"]) > 50
    assert names["weekly"].sum() == len(names["messages"])


def test_the_notebook_has_no_outputs(cells):
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
