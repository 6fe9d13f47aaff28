"""Limits the total size of the files that pages upload, and releases the files of closed pages.

Streamlit keeps any number of uploaded files in memory, each up to ``server.maxUploadSize``, until it forgets the
session: long after its page was closed, and only when another one is closed.

Works with streamlit 1.67.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus
from typing import Final, cast

from starlette.exceptions import HTTPException
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

MIB: Final = 2**20

PAGES: Final = 2
"""All pages together may hold as much as this number of full pages."""

LEAST: Final = 64 * 1024
"""Minimum number of bytes that a file counts for, however small it is."""

TIME_TO_RETURN: Final = 30.0
"""Seconds that a page has to reconnect after its connection broke, before its files are released."""


def keep_uploads_within(budget: Callable[[], int]) -> None:
    """Refuses uploads beyond ``budget`` bytes for one page, or beyond ``PAGES`` times that for all pages."""
    add_file = MemoryUploadedFileManager.add_file
    if hasattr(add_file, "__wrapped__"):
        return

    @wraps(add_file)
    def add_within(self: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
        if Runtime.exists() and not Runtime.instance().is_active_session(session_id):
            raise HTTPException(HTTPStatus.BAD_REQUEST, "The page was closed while it uploaded the file.")
        with self._lock:
            kept = {key: dict(files) for key, files in self.file_storage.items()}
        kept.setdefault(session_id, {})[file.file_id] = file
        of_page = _size(kept[session_id].values())
        if of_page > budget():
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The files of this page are larger than {budget() / MIB:,.0f} MB together. Use those that are there "
                "first, or reload the page, which releases them.",
            )
        if sum(_size(files.values()) for files in kept.values()) > PAGES * budget():
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The files of all open pages are larger than {PAGES * budget() / MIB:,.0f} MB together. Close other "
                "pages, and try again half a minute later.",
            )
        add_file(self, session_id, file)

    MemoryUploadedFileManager.add_file = add_within  # type: ignore[method-assign]


def release_uploads_of_closed_pages(seconds: float = TIME_TO_RETURN) -> None:
    """Releases the files of a page ``seconds`` after it disconnected, unless it has reconnected."""
    disconnect_session = WebsocketSessionManager.disconnect_session
    if hasattr(disconnect_session, "__wrapped__"):
        return

    @wraps(disconnect_session)
    def disconnect_and_release(self: WebsocketSessionManager, session_id: str) -> None:
        disconnect_session(self, session_id)
        asyncio.get_running_loop().call_later(seconds, _release, self, session_id)

    WebsocketSessionManager.disconnect_session = disconnect_and_release  # type: ignore[method-assign]


def release_upload(file: UploadedFile) -> None:
    """Releases a file that the page has used. Streamlit keeps it when its field is replaced by an empty one."""
    if context := get_script_run_ctx():
        files = cast("MemoryUploadedFileManager", context.uploaded_file_mgr)
        files.remove_file(context.session_id, file.file_id)


def _release(sessions: WebsocketSessionManager, session_id: str) -> None:
    if not sessions.is_active_session(session_id):
        sessions._uploaded_file_mgr.remove_session_files(session_id)


def _size(files: Iterable[UploadedFileRec]) -> int:
    return sum(max(LEAST, len(file.data)) for file in files)
