"""What ``st.App`` needs to serve the pages: their script, and what happens at start and end."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st
from streamlit import config

from colloquy.agents.data.workers.pool import WORKERS
from colloquy.agents.models import ModelCatalogue
from colloquy.compat.sockets import send_without_delay
from colloquy.compat.streamlit_fragments import keep_ends_of_fragments, keep_fragments_on_the_page
from colloquy.compat.streamlit_messages import keep_every_message, keep_messages_of_open_pages
from colloquy.compat.streamlit_server import keep_import_path_still
from colloquy.runtime.application import Application, install
from colloquy.runtime.logs import configure_logs
from colloquy.settings import load_settings, misspelt
from colloquy.ui.served.hosts import ADDRESS, expect_known_hosts, listens_on_loopback
from session_store.errors import ColloquyError

SCRIPT = Path(__file__).parents[1] / "frame" / "shell.py"
WARM_AFTER = 10.0
"""Seconds after the start of the app at which things are made ready for later, if no page was drawn before: whoever
started it waits for that."""
_first_page = threading.Event()


class PageOptions(TypedDict):
    """Arguments of ``st.App``."""

    script_path: Path
    lifespan: Callable[[st.App], AbstractAsyncContextManager[dict[str, Any] | None]]


def serve(models: ModelCatalogue | None = None) -> PageOptions:
    """Open the data folder that the settings name. ``models`` is the catalogue to use in place of the usual one.

    Whatever is wrong with a setting or the data folder ends the process here, with a message.
    """
    configure_logs()
    keep_import_path_still(SCRIPT)
    keep_ends_of_fragments()
    keep_fragments_on_the_page()
    keep_every_message()
    expect_known_hosts()
    # A wake that arrives after its page turned to another session is no cause for a line in the log.
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
        # What was imported stays for good: collections of garbage that look through it again and again would hold up
        # streams by up to 0.1 s each. A start would wait for one now, too.
        gc.freeze()
        _first_page.clear()
        warming = asyncio.create_task(_warm(application))
        try:
            yield
        finally:
            warming.cancel()
            _first_page.set()
            install(None)
            application.close()
            gc.unfreeze()  # else what stands in the way of a clean end is reported as leaked

    return PageOptions(script_path=SCRIPT, lifespan=lifespan)


def page_drawn() -> None:
    """To be told of pages: the first one sets off what else is worth doing early."""
    _first_page.set()


async def _warm(application: Application) -> None:
    """Load the model, the first process for queries and what the analytics page needs, in the background."""
    await asyncio.to_thread(_first_page.wait, WARM_AFTER)
    application.models.warm(application.models.default().id)
    await asyncio.to_thread(WORKERS.warm_up)
    await asyncio.to_thread(_warm_analytics, application)


def _warm_analytics(application: Application) -> None:
    importlib.import_module("colloquy.ui.analytics.preload").warm(application)  # the import alone would hold up a start


def _warn_if_open() -> None:
    if not listens_on_loopback():
        address = config.get_option(ADDRESS)
        print(  # noqa: T201 - it stands beside Streamlit's own lines about the address
            f"\n  WARNING: Colloquy listens on {address or 'every address'}: whoever reaches this machine can read and"
            "\n  write every chat. Without HOST it listens on this machine only.\n"
        )


def _warn_of_settings(application: Application) -> None:
    """Say which settings do not do what was meant."""
    problem = application.models.problem_with_setting()
    for sentence in [*misspelt(), *([problem] if problem else [])]:
        print(f"\n  WARNING: {sentence}", flush=True)  # noqa: T201 - as above
