"""What ``st.App`` needs to serve the pages: their script, and what happens at startup and shutdown."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TextIO, TypedDict

import streamlit as st
import structlog
from streamlit import config
from structlog.typing import ExcInfo

from colloquy.agents.data.workers.pool import WORKERS
from colloquy.agents.models import ModelCatalogue
from colloquy.compat.sockets import send_without_delay
from colloquy.compat.streamlit_fragments import keep_ends_of_fragments, keep_fragments_on_the_page
from colloquy.compat.streamlit_messages import keep_every_message, keep_messages_of_open_pages
from colloquy.compat.streamlit_server import keep_import_path_still
from colloquy.runtime.application import Application, install
from colloquy.runtime.memory import include_modules_in_collections, keep_modules_out_of_collections
from colloquy.settings import load_settings, misspelt
from colloquy.ui.served.hosts import ADDRESS, expect_known_hosts, listens_on_loopback
from session_store.errors import ColloquyError
from session_store.phrases import beginning_of

SCRIPT = Path(__file__).parents[1] / "frame" / "shell.py"
WARM_AFTER = 10.0
"""Seconds after startup at which the app warms up if no page has been drawn before. Until then a warm-up would delay
the first page."""
_first_page = threading.Event()

LONGEST_ERROR = 8_000
LONGEST_TRACEBACK = 40_000
"""Characters. An error may carry all the data that it is about."""


class PageOptions(TypedDict):
    """Arguments of ``st.App``."""

    script_path: Path
    lifespan: Callable[[st.App], AbstractAsyncContextManager[dict[str, Any] | None]]


def serve(models: ModelCatalogue | None = None) -> PageOptions:
    """Opens the data folder that the settings name. ``models`` is a catalogue to use instead of the usual one.

    If a setting or the data folder is invalid, the process ends here with a message.
    """
    configure_logs()
    keep_import_path_still(SCRIPT)
    keep_ends_of_fragments()
    keep_fragments_on_the_page()
    keep_every_message()
    expect_known_hosts()
    # A wake that arrives after its page has switched to another session is not worth a line in the log.
    logging.getLogger("streamlit.runtime.scriptrunner.script_runner").setLevel(logging.ERROR)
    try:
        application = Application.open(load_settings(), models)
    except ColloquyError as error:
        sys.exit(f"\n{error}\n")

    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[None]:
        _warn_if_open()
        _warn_of_settings(application)
        send_without_delay(asyncio.get_running_loop())
        keep_messages_of_open_pages()
        install(application)
        keep_modules_out_of_collections()
        _first_page.clear()
        warming = asyncio.create_task(_warm(application))
        try:
            yield
        finally:
            warming.cancel()
            _first_page.set()
            install(None)
            application.close()
            include_modules_in_collections()  # otherwise what prevents a clean shutdown is reported as leaked

    return PageOptions(script_path=SCRIPT, lifespan=lifespan)


def page_drawn() -> None:
    """Reports that a page was drawn; the first one triggers the warm-up."""
    _first_page.set()


async def _warm(application: Application) -> None:
    """Loads the model, the first query process and what the analytics page needs, in the background."""
    await asyncio.to_thread(_first_page.wait, WARM_AFTER)
    application.models.warm(application.models.default().id)
    await asyncio.to_thread(WORKERS.warm_up)
    await asyncio.to_thread(_warm_analytics, application)


def _warm_analytics(application: Application) -> None:
    importlib.import_module("colloquy.ui.analytics.page").warm(application)  # the import alone would delay the start


def _warn_if_open() -> None:
    if not listens_on_loopback():
        address = config.get_option(ADDRESS)
        print(  # noqa: T201 - shown with Streamlit's own lines about the address
            f"\n  WARNING: Colloquy listens on {address or 'every address'}: whoever reaches this machine can read and"
            "\n  write every chat. Without HOST it listens on this machine only.\n"
        )


def _warn_of_settings(application: Application) -> None:
    """Prints a warning for each setting that does not have its intended effect."""
    problem = application.models.problem_with_setting()
    for sentence in [*misspelt(), *([problem] if problem else [])]:
        print(f"\n  WARNING: {sentence}", flush=True)  # noqa: T201 - as above


def configure_logs() -> None:
    """Log readable lines, without the values of variables, which may contain messages or keys."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(exception_formatter=short_traceback),
        ]
    )
    # ADK logs each failed call with its whole traceback; the runtime reports a failed turn once.
    logging.getLogger("google_adk").setLevel(logging.CRITICAL)


def short_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback with very long errors cut."""
    lines = traceback.TracebackException(*exc_info).format()
    written = "".join(beginning_of(line.rstrip("\n"), LONGEST_ERROR) + "\n" for line in lines)
    out.write("\n" + beginning_of(written.rstrip("\n"), LONGEST_TRACEBACK))
