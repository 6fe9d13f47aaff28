"""A change by a click may be refused, for example because the disk is full: the page explains it and stays."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from colloquy.runtime.application import Application
from colloquy.runtime.turns.turns import Turns
from colloquy.runtime.workspaces.workspaces import Workspaces

ROOT = Path(__file__).parents[2]
CHANGES = {
    *("set_saved", "delete_sessions", "restore_sessions", "terminate_sessions", "dismiss_sessions", "rename_session"),
    *("move_sessions", "branch_session", "delete_result", "set_feedback", "create_session", "set_model", "set_tags"),
    *("set_note", "save_query", "delete_query", "rename_query", "submit", "retry", "replace", "show", "set_connection"),
    *("replace_tags", "set_prices", "make_snapshot", "delete_snapshot", "delete_workspace"),
}
CALLER_ANSWERS = {("colloquy/ui/state.py", "create_session")}


def test_the_changes_are_methods():
    assert {*dir(Application), *dir(Turns), *dir(Workspaces)} >= CHANGES


def unguarded(tree: ast.AST) -> Iterator[str]:
    """Changes of the application that do not handle refusals."""
    attempted = {
        inner
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "attempt"
        for argument in call.args
        for inner in ast.walk(argument)
    }
    names = {node.id for node in attempted if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) or (isinstance(node, ast.FunctionDef) and node.name in names):
            attempted.update(ast.walk(node))
    for node in set(ast.walk(tree)) - attempted:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            yield from [node.func.attr] if ast.unparse(node.func).startswith("current().") else []


def test_every_change_by_a_click_handles_refusals():
    modules = [path for folder in ("colloquy/ui", "pages") for path in (ROOT / folder).rglob("*.py")]
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in modules
        for name in unguarded(ast.parse(path.read_text("utf-8")))
    }
    assert found - CALLER_ANSWERS == set(), "wrap them with attempt()"


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("current().delete_sessions(keys)", ["delete_sessions"]),
        ("attempt(lambda: current().delete_sessions(keys))", []),
        ("def change(): current().set_note(key, '')\nattempt(change)", []),
        ("try: current().turns.submit(key, '')\nexcept ColloquyError: pass", []),
    ],
)
def test_an_unguarded_change_is_found(line, names):
    assert list(unguarded(ast.parse(line))) == names
