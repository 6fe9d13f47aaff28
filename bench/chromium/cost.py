"""The cost of one run of the page's script without a browser: time and queries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from streamlit.testing.v1 import AppTest

from bench.chromium.app import ROOT
from colloquy.runtime.application import Application, install
from colloquy.settings import Settings
from session_store.engine.database import Database
from tests.support.scripted import ScriptedModels

RUNS = 10


def cost_of_runs(folder: Path, session_id: str) -> dict[str, list[float]]:
    """Returns the milliseconds and the number of queries of full runs that show a session of the data folder."""
    application = Application.open(Settings(_env_file=None, data_dir=folder), ScriptedModels())
    install(application)
    try:
        page = AppTest.from_file(str(ROOT / "colloquy" / "ui" / "frame" / "shell.py"), default_timeout=60)
        page.query_params["session"] = session_id
        page.run()
        times, queries = [], []
        for _ in range(RUNS):
            with counting_queries() as count:
                start = time.perf_counter()
                page.run()
                times.append((time.perf_counter() - start) * 1000)
            queries.append(float(count()))
    finally:
        install(None)
        application.close()
    return {"full run in AppTest, ms": times, "full run: queries": queries}


@contextmanager
def counting_queries() -> Iterator[Callable[[], int]]:
    taken: list[float] = []
    original = Database.reading

    @contextmanager
    def counted(database: Database) -> Iterator[Any]:
        start = time.perf_counter()
        with original(database) as cursor:
            yield cursor
        taken.append(time.perf_counter() - start)

    with patch.object(Database, "reading", counted):
        yield lambda: len(taken)
