"""How serving pages affects the process."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.testing.v1 import AppTest

from colloquy.compat.streamlit_server import PAGES, UNSUPPORTED_DATA, BinaryFrames, keep_import_path_still
from colloquy.ui.served.server import SCRIPT, page_drawn, serve
from tests.support.scripted import ScriptedModels

pytestmark = pytest.mark.upstream


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    script = tmp_path / "script.py"
    script.write_text("import sys, streamlit as st\nst.session_state.path = list(sys.path)\n", encoding="utf-8")
    return script


def test_running_a_page_does_not_change_the_import_path(script):
    """If the path became shorter, an import in a turn's thread would miss existing modules."""
    keep_import_path_still(script)
    before = sys.path.copy()
    page = AppTest.from_file(str(script)).run()
    assert page.session_state.path == before
    assert sys.path == before


def test_page_modules_have_no_names_that_agent_folders_could_have():
    """Streamlit puts its script's folder on the import path."""
    assert [path.name for path in SCRIPT.parent.iterdir() if path.suffix == ".py"] == ["shell.py"]
    assert [path for path in SCRIPT.parent.iterdir() if path.is_dir() and path.name != "__pycache__"] == []


async def page(socket):
    """Reads messages as Streamlit does."""
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_bytes()
    await socket.send_bytes(b"too late")


@pytest.mark.parametrize("before", ["", "/chats"])
@pytest.mark.parametrize("text", ["", "hello"])
def test_a_page_that_sends_text_is_closed_with_the_right_code(before, text):
    app = Starlette(routes=[WebSocketRoute(f"{before}{PAGES}", page)], middleware=[Middleware(BinaryFrames)])
    with TestClient(app).websocket_connect(f"{before}{PAGES}") as socket:
        socket.send_bytes(b"")
        socket.send_text(text)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
    assert closed.value.code == UNSUPPORTED_DATA


def test_without_the_workaround_the_connection_would_break():
    def say(text):
        with TestClient(WebSocketRoute(PAGES, page)).websocket_connect(PAGES) as socket:
            socket.send_text(text)
            socket.receive_bytes()

    with pytest.raises(KeyError):
        say("hello")


async def test_the_model_is_loaded_once_the_first_page_is_there(tmp_path, monkeypatch):
    warmed = asyncio.Event()
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("colloquy.ui.served.server.expect_known_hosts", lambda: None)  # it would affect all later tests
    monkeypatch.setattr("colloquy.ui.served.server._warm_analytics", lambda _: None)
    monkeypatch.setattr("colloquy.ui.served.server.WARM_AFTER", 600.0)
    models = ScriptedModels()
    monkeypatch.setattr(models, "warm", lambda _: warmed.set())
    options = serve(models)
    async with options["lifespan"](st.App(**options)):
        assert not warmed.is_set()
        page_drawn()
        await asyncio.wait_for(warmed.wait(), 30)


def test_startup_imports_nothing_that_only_some_requests_need(tmp_path):
    names = ("fastapi", "colloquy.api.app", "colloquy.api.adk.app", "pandas")
    asked = f"import sys, app; print([name for name in {names} if name in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"COLLOQUY_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[-1] == "[]"
