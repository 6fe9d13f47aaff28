"""Every change by a user or a program goes through the application, which checks, writes and announces it. Pages and
API write nothing themselves: neither to the store nor to files."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest
from google.adk.sessions import BaseSessionService

from colloquy.runtime.application import Application
from colloquy.runtime.artifacts import Artifacts
from colloquy.runtime.bus import NO_SESSION, EventBus
from session_store import store
from session_store.errors import ColloquyError
from session_store.snapshots.folder import SnapshotFolder
from session_store.snapshots.snapshot import SnapshotForm
from tests.support.applications import new_session

ROOT = Path(__file__).resolve().parents[2]
SURFACES = ("pages", "colloquy/ui", "colloquy/api")

ALLOWED = {
    "colloquy/api/adk/sessions.py": (
        {"sessions.create_session", "sessions.append_event", "sessions.delete_session", "artifacts.save_artifact"},
        "ADK's API writes through the services that ADK defines; ours check and announce as the application does",
    ),
    "colloquy/api/history/exports.py": (
        {"export", "unlink", "rmtree"},
        "a download is made in a temporary folder, which is removed once it has been sent",
    ),
    "colloquy/api/charts/pictures.py": ({"subprocess.run"}, "a child process draws a chart and stores nothing"),
    "colloquy/ui/demo.py": ({"subprocess.run"}, "the demo is a data folder of its own, which this app never opens"),
}
"""The exceptions: what a module uses, and why it may."""

PLACES: dict[str, type] = {
    f"store.{name.removeprefix('Stored').lower()}": part
    for name, part in inspect.getmembers(store, inspect.isclass)
    if name.startswith("Stored")
} | {"snapshots": SnapshotFolder, "sessions": BaseSessionService, "artifacts": Artifacts, "bus": EventBus}
"""What has methods that write, by where the application has it."""
KINDS = {part.__name__: place for place, part in PLACES.items()} | {"Store": "store"}

HAND_OVER = {"submit", "log.create", "log.hide", "log.remove_deleted", "return branch", "self._set", "_take", ".take"}
"""What writing methods delegate to."""
FILES = {"write_text", "write_bytes", "unlink", "mkdir", "rmtree", "copyfile", "copytree"}
"""What changes files."""
OF_ADK = {"sessions.create_session", "sessions.append_event", "sessions.delete_session"}
OF_ADK |= {"artifacts.save_artifact", "artifacts.delete_artifact"}


def writing_methods() -> set[str]:
    """Public methods that change what is stored, directly or by calling one that does."""
    return {f"{place}.{method}" for place, part in PLACES.items() for method in writing_methods_of(part)}


def writing_methods_of(part: type) -> set[str]:
    sources = {name: inspect.getsource(member) for name, member in inspect.getmembers(part, inspect.isfunction)}
    writing = {name for name, source in sources.items() if any(f"{call}(" in source for call in HAND_OVER | FILES)}
    while (
        more := {name for name, source in sources.items() if any(f"self.{one}(" in source for one in writing)} - writing
    ):
        writing |= more
    return {name for name in writing if not name.startswith("_")}


WRITING = writing_methods() | OF_ADK | {"bus.publish"}


def changes_files(function: object) -> bool:
    """Whether it is a function that changes files, itself or through others of its module."""
    seen: set[object] = set()
    found = [function]
    while found:
        one = found.pop()
        if isinstance(one, FunctionType) and one not in seen and one.__module__ == function.__module__:
            called = set(re.findall(r"\b(\w+)\(", inspect.getsource(one)))
            if called & FILES:
                return True
            seen.add(one)
            found += [one.__globals__.get(name) for name in called]
    return False


def imports(tree: ast.AST) -> dict[str, object]:
    """What a module imports from the layers below, by its names there."""
    return {
        alias.asname or alias.name: getattr(import_module(node.module), alias.name, None)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and str(node.module).startswith(("session_store", "colloquy.runtime", "colloquy.agents"))
        for alias in node.names
    }


def meanings(tree: ast.AST) -> dict[str, str]:
    """What the names in a module stand for, if it is the store or something that has writing methods: those of
    variables by what they are assigned, of arguments and functions by their types."""
    known = {f"{kind}()": place for kind, place in KINDS.items()}
    for node in sorted(ast.walk(tree), key=lambda node: getattr(node, "lineno", 0)):
        match node:
            case ast.Assign(targets=[target], value=value) | ast.NamedExpr(target=target, value=value):
                both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                for one, what in zip(target.elts, value.elts, strict=False) if both else [(target, value)]:
                    name, meant = meaning(one, known), meaning(what, known)
                    if name and (place_of(meant) or meant.split(".")[-1] == "store"):
                        known[name] = meant
            case ast.arg(arg=name, annotation=ast.Name(id=kind)) if kind in KINDS:
                known[name] = KINDS[kind]
            case ast.FunctionDef(name=name, returns=ast.Name(id=kind)) if kind in KINDS:
                known[f"{name}()"] = KINDS[kind]
            case ast.ClassDef(bases=[ast.Name(id=kind)]) if kind in KINDS:
                known["super()"] = KINDS[kind]
    return known


def meaning(node: ast.AST, known: dict[str, str]) -> str:
    """An expression as the way to it from the application; empty if it is none."""
    match node:
        case ast.Name():
            text = node.id
        case ast.Attribute():
            text = f"{meaning(node.value, known)}.{node.attr.lstrip('_')}"
        case ast.Call():
            text = f"{meaning(node.func, known)}()"
        case _:
            text = ""
    return known.get(text, text)


def place_of(meant: str) -> str | None:
    return next((place for place in PLACES if f".{meant}".endswith(f".{place}")), None)


def past_the_door(path: Path) -> set[str]:
    """What a module uses that is for the application alone."""
    tree = ast.parse(path.read_text("utf-8"))
    known, imported = meanings(tree), imports(tree)
    found = {name for name, one in imported.items() if changes_files(one)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = meaning(node.value, known)
            used = f"{place_of(owner) or owner}.{node.attr}"
            if used in WRITING or used in ("subprocess.run", "subprocess.Popen"):
                found.add(used)
            elif node.attr in FILES or changes_files(getattr(imported.get(owner), node.attr, None)):
                found.add(node.attr)
    return found


@pytest.mark.parametrize("surface", SURFACES)
def test_pages_and_api_write_only_through_the_application(surface):
    used = {path.relative_to(ROOT).as_posix(): past_the_door(path) for path in (ROOT / surface).rglob("*.py")}
    allowed = {path: calls for path, (calls, _) in ALLOWED.items() if path.startswith(f"{surface}/")}
    assert {path: calls for path, calls in used.items() if calls} == allowed


@pytest.mark.parametrize(
    "text",
    [
        "current().store.labels.set_note(key, '')",
        "store.sessions.rename(key, '')",
        "application.bus.publish(event)",
        "labels = current().store.labels\nlabels.set_tags(keys)",
        "kept, labels = [], store.labels\nlabels.set_tags(keys)",
        "if (held := current().store):\n    held.queries.delete(one)",
        "def __init__(self):\n    self._tags = store.labels\n\ndef save(self):\n    self._tags.set_tags(keys)",
        "def save(kept: StoredQueries):\n    kept.save('all', 'select 1')",
        "def _open() -> Store:\n    ...\n\n_open().labels.set_note(key, '')",
        "button(on_click=store.labels.set_note)",
        "from session_store.prices import keep_prices as keep\nkeep(folder, [])",
        "from session_store import prices\nprices.keep_prices(folder, [])",
        "current().snapshots.remove(name)",
        "SnapshotFolder(store.snapshots, folder).make(form)",
        "def _folder() -> SnapshotFolder:\n    ...\n\n_folder().make(form)",
        "store.snapshots.take(path)",
        "(folder / 'prices.json').write_text('[]')",
        "current().artifacts.delete_artifact(filename=name)",
    ],
)
def test_a_write_that_bypasses_the_application_is_found(tmp_path, text):
    module = tmp_path / "module.py"
    module.write_text(text)
    assert past_the_door(module)


@pytest.mark.parametrize(
    "text",
    [
        "tags_of = current().store.labels.tags\ntags_of(key)",
        "labels = current().store.labels\nlabels.all_tags()",
        "current().set_tags([key], add=['urgent'])",
        "from session_store.prices import price_list\nprice_list(folder)",
        "folder = current().snapshots\nfolder.kept()",
    ],
)
def test_reading_is_free(tmp_path, text):
    module = tmp_path / "module.py"
    module.write_text(text)
    assert not past_the_door(module)


def test_the_writing_methods_are_known():
    of_store = {method.removeprefix("store.") for method in WRITING if method.startswith("store.")}
    assert {"sessions.create", "sessions.branch", "sessions.rename", "sessions.set_model"} <= of_store
    assert {"sessions.mark_seen", "sessions.delete", "sessions.terminate", "sessions.move"} <= of_store
    assert {"labels.set_tags", "labels.set_note", "queries.save", "feedback.set", "results.add"} <= of_store
    assert {"workspaces.create", "workspaces.delete", "turns.create", "turns.append_chunks"} <= of_store
    assert not {"sessions.get", "sessions.list", "history.search", "events.list", "turns.get"} & of_store
    assert {"snapshots.make", "snapshots.remove", "artifacts.copy", "store.snapshots.take"} <= WRITING
    assert not {"snapshots.kept", "snapshots.find", "artifacts.load_artifact"} & WRITING


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


def test_changes_outside_chats_are_announced(application):
    changed = [("queries-changed", NO_SESSION)]
    assert announced(application, lambda: application.save_query("all", "select 1")) == changed
    [query] = application.store.queries.named()
    assert announced(application, lambda: application.rename_query(query.id, "everything")) == changed
    assert announced(application, lambda: application.delete_query(query.id)) == changed
    row = {"model": "scripted/*", "since": "2026-01-01", "input": 1, "output": 2}
    assert announced(application, lambda: application.set_prices([row])) == [("prices-changed", NO_SESSION)]
    changed = [("snapshots-changed", NO_SESSION)]
    assert announced(application, lambda: application.make_snapshot(SnapshotForm.DUCKDB)) == changed
    [made] = application.snapshots.kept()
    assert announced(application, lambda: application.delete_snapshot(made.name)) == changed


def test_every_method_that_writes_announces():
    methods = inspect.getmembers(Application, inspect.isfunction)
    sources = {name: inspect.getsource(method) for name, method in methods if not name.startswith("__")}
    writes = {name for name, source in sources.items() if any(f"self.{call}(" in source for call in WRITING)}
    silent = {name for name in writes if not re.search(r"publish\(|_changed\(|active\.created\(", sources[name])}
    assert {"set_tags", "save_query", "make_snapshot", "delete_sessions", "branch_session"} <= writes
    assert silent == {"_purge"}  # what was deleted before


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
