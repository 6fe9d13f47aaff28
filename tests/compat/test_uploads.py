"""Files uploaded by pages: their total limit, and when they are released."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from colloquy.compat import streamlit_uploads
from colloquy.compat.streamlit_uploads import (
    LEAST,
    PAGES,
    keep_uploads_within,
    release_upload,
    release_uploads_of_closed_pages,
)

pytestmark = pytest.mark.upstream

BUDGET = 4 * LEAST


@pytest.fixture
def files(monkeypatch):
    """Streamlit's file manager with none of our changes except those that a test adds."""
    for kind, name in ((MemoryUploadedFileManager, "add_file"), (WebsocketSessionManager, "disconnect_session")):
        now = getattr(kind, name)
        monkeypatch.setattr(kind, name, getattr(now, "__wrapped__", now))
    return MemoryUploadedFileManager("/upload")


@pytest.fixture
def upload(files, monkeypatch):
    """Uploads a file as a page does, and returns the response."""
    before = config.get_option("server.enableXsrfProtection")
    config.set_option("server.enableXsrfProtection", False)
    runtime = SimpleNamespace(is_active_session=lambda _: True)
    with TestClient(Starlette(routes=create_upload_routes(runtime, files, None))) as client:
        yield lambda page, name, size: client.put(
            f"/_stcore/upload_file/{page}/{name}", files={"file": ("file.txt", b"x" * size)}
        )
    config.set_option("server.enableXsrfProtection", before)


def kept_uploads(files):
    return {page: sorted(kept) for page, kept in files.file_storage.items() if kept}


def test_uploads_of_one_page_are_limited(files, upload):
    keep_uploads_within(lambda: BUDGET)
    assert [upload("a", name, 2 * LEAST).status_code for name in ("one", "two")] == [204, 204]
    refused = upload("a", "three", 1)
    assert (refused.status_code, "reload the page" in refused.text) == (413, True)
    assert upload("a", "one", LEAST).status_code == 204  # replaces the previous content
    assert upload("a", "three", 1).status_code == 204
    assert kept_uploads(files) == {"a": ["one", "three", "two"]}


def test_empty_files_count_towards_the_limit(upload):
    keep_uploads_within(lambda: BUDGET)
    assert [upload("a", str(number), 0).status_code for number in range(5)] == [204] * 4 + [413]


def test_uploads_of_all_pages_are_limited(files, upload):
    keep_uploads_within(lambda: BUDGET)
    pages = [f"page {number}" for number in range(PAGES)]
    assert [upload(page, "all", BUDGET).status_code for page in pages] == [204] * PAGES
    refused = upload("another", "more", 1)
    assert (refused.status_code, "Close other pages" in refused.text) == (413, True)
    files.remove_session_files(pages[0])
    assert upload("another", "more", 1).status_code == 204


def test_uploads_for_a_closed_page_are_discarded(files, upload, monkeypatch):
    keep_uploads_within(lambda: BUDGET)
    gone = SimpleNamespace(exists=lambda: True, instance=lambda: SimpleNamespace(is_active_session=lambda _: False))
    monkeypatch.setattr(streamlit_uploads, "Runtime", gone)
    assert upload("a", "late", 1).status_code == 400
    assert kept_uploads(files) == {}


async def test_files_are_released_after_their_page_unless_it_reconnects(files, upload):
    release_uploads_of_closed_pages(0.01)
    sessions = WebsocketSessionManager(MemorySessionStorage(), files, ScriptCache(), None)
    for page in ("closed", "back"):
        upload(page, "file", 1)
        sessions.disconnect_session(page)
    sessions._active_session_info_by_id["back"] = SimpleNamespace()
    assert kept_uploads(files) == {"closed": ["file"], "back": ["file"]}
    released = asyncio.Event()
    asyncio.get_running_loop().call_later(
        0.05, released.set
    )  # runs after callbacks that were scheduled earlier for a sooner time
    await released.wait()
    assert kept_uploads(files) == {"back": ["file"]}


def test_without_the_workaround_streamlit_keeps_all_uploads(files, upload):
    assert [upload("a", str(number), BUDGET).status_code for number in range(5)] == [204] * 5
    assert len(kept_uploads(files)["a"]) == 5


def test_a_used_file_is_released(files, upload, monkeypatch):
    assert [upload("a", name, 1).status_code for name in ("one", "two")] == [204, 204]
    context = SimpleNamespace(uploaded_file_mgr=files, session_id="a")
    monkeypatch.setattr(streamlit_uploads, "get_script_run_ctx", lambda: context)
    release_upload(SimpleNamespace(file_id="one"))
    assert kept_uploads(files) == {"a": ["two"]}
