"""Every change by a user or a program goes through the application, which checks, writes and announces it. Pages and
API write nothing themselves."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from colloquy.runtime.bus import NO_SESSION
from session_store import store
from session_store.errors import ColloquyError
from session_store.snapshots.snapshot import SnapshotForm
from tests.support.applications import new_session

ROOT = Path(__file__).resolve().parents[2]
SURFACES = ("pages", "colloquy/ui", "colloquy/api")
HAND_OVER = {"submit", "log.create", "log.hide", "log.remove_deleted", "return branch", "self._set"}
"""What the store's writing methods delegate to."""
PARTS = {
    name.removeprefix("Stored").lower(): part
    for name, part in inspect.getmembers(store, inspect.isclass)
    if name.startswith("Stored")
}


def writing_methods() -> set[str]:
    """Public methods of the store's parts that change what is stored, directly or by calling one that does."""
    return {f"{name}.{method}" for name, part in PARTS.items() for method in writing_methods_of(part)}


def writing_methods_of(part: type) -> set[str]:
    sources = {name: inspect.getsource(member) for name, member in inspect.getmembers(part, inspect.isfunction)}
    writing = {name for name, source in sources.items() if any(f"{call}(" in source for call in HAND_OVER)}
    while (
        more := {name for name, source in sources.items() if any(f"self.{one}(" in source for one in writing)} - writing
    ):
        writing |= more
    return {name for name in writing if not name.startswith("_")}


WRITING = writing_methods()


def past_the_door(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, method = ast.unparse(node.func.value), node.func.attr
        place, _, part = owner.rpartition(".")
        of_store = place.split(".")[-1] in ("store", "_store") and f"{part}.{method}" in WRITING
        if of_store or (owner.split(".")[-1] in ("bus", "_bus") and method == "publish"):
            found.append(f"{path.name}:{node.lineno} {owner}.{method}")
    return found


@pytest.mark.parametrize("surface", SURFACES)
def test_pages_and_api_write_only_through_the_application(surface):
    assert [call for path in sorted((ROOT / surface).rglob("*.py")) for call in past_the_door(path)] == []


@pytest.mark.parametrize(
    "line",
    ["current().store.labels.set_note(key, '')", "store.sessions.rename(key, '')", "application.bus.publish(event)"],
)
def test_a_write_that_bypasses_the_application_is_found(tmp_path, line):
    module = tmp_path / "module.py"
    module.write_text(line)
    assert past_the_door(module)


def test_the_writing_methods_of_the_store_are_known():
    assert {"sessions.create", "sessions.branch", "sessions.rename", "sessions.set_model"} <= WRITING
    assert {"sessions.mark_seen", "sessions.delete", "sessions.terminate", "sessions.move"} <= WRITING
    assert {"labels.set_tags", "labels.set_note", "queries.save", "feedback.set", "results.add"} <= WRITING
    assert {"workspaces.create", "workspaces.delete", "turns.create", "turns.append_chunks"} <= WRITING
    assert not {"sessions.get", "sessions.list", "history.search", "events.list", "turns.get"} & WRITING


@pytest.mark.parametrize(
    "action",
    [
        lambda application, key: application.set_tags([key], add=["urgent"]),
        lambda application, key: application.set_note(key, "look again"),
        lambda application, key: application.set_model(key, application.models.default().id),
        lambda application, key: application.set_saved([key], True),
        lambda application, key: application.rename_session(key, "Another title"),
    ],
    ids=["tags", "note", "model", "saved", "title"],
)
def test_labels_of_a_chat_are_announced(application, action):
    key = new_session(application)
    assert announced(application, lambda: action(application, key)) == [("session-list-changed", key)]


def test_prices_and_snapshots_are_announced(application):
    row = {"model": "scripted/*", "since": "2026-01-01", "input": 1, "output": 2}
    assert announced(application, lambda: application.set_prices([row])) == [("prices-changed", NO_SESSION)]
    changed = [("snapshots-changed", NO_SESSION)]
    assert announced(application, lambda: application.make_snapshot(SnapshotForm.DUCKDB)) == changed
    [made] = application.snapshots.kept()
    assert announced(application, lambda: application.delete_snapshot(made.name)) == changed


def test_what_fails_is_not_announced(application):
    def fail(action):
        with pytest.raises(ColloquyError):
            action()

    assert announced(application, lambda: fail(lambda: application.set_prices([{"model": ""}]))) == []
    assert announced(application, lambda: fail(lambda: application.delete_snapshot("history-2026.duckdb"))) == []


def announced(application, action):
    heard = []
    unsubscribe = application.bus.subscribe(heard.append)
    action()
    unsubscribe()
    return [(event.kind, event.key) for event in heard]
