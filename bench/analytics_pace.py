"""Checks whether running turns keep their pace while analytics are computed over many messages."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from colloquy.demo.words import AGENTS
from colloquy.runtime.application import Application
from colloquy.runtime.bus import BusEvent, EventKind
from colloquy.settings import Settings
from session_store.analytics import Analytics, Period
from session_store.analytics.scope import Scope
from session_store.history.filters import HistoryFilter, only
from session_store.prices import DEFAULTS
from tests.support.scripted import ScriptedModels

TURNS = 4
WORDS, EVERY_MS = 200, 20


def pace(folder: Path, rounds: int) -> dict[str, tuple[float, float, int]]:
    """Measures turns alone, and beside analytics.

    Returns, for each, the seconds that an answer took (median), the longest pause between two words of one answer (ms,
    median of the rounds), and how many reports were made meanwhile.
    """
    application = Application.open(Settings(data_dir=folder), ScriptedModels())
    try:
        analytics = Analytics(application.store)
        analytics.rollups()
        alone, beside = ([_answers(application, busy) for _ in range(rounds)] for busy in (None, analytics))
        return {
            name: (
                statistics.median(taken for taken, _, _ in all_rounds),
                statistics.median(longest for _, longest, _ in all_rounds),
                sum(reports for _, _, reports in all_rounds),
            )
            for name, all_rounds in (("alone", alone), ("beside analytics", beside))
        }
    finally:
        application.close()


def _answers(application: Application, busy: Analytics | None) -> tuple[float, float, int]:
    heard: dict[str, list[float]] = {}

    def listen(event: BusEvent) -> None:
        if event.kind is EventKind.AGENT_CHUNK and event.turn_id:
            heard.setdefault(event.turn_id, []).append(time.perf_counter())

    stop, reports = threading.Event(), [0]
    reader = threading.Thread(target=_read, args=(busy, stop, reports)) if busy else None
    unsubscribe = application.bus.subscribe(listen)
    if reader:
        reader.start()
    model = application.models.default().id
    turns = [
        application.turns.submit(
            application.create_session(agent_id="assistant", model=model).key, f"count {WORDS} every {EVERY_MS} ms"
        )
        for _ in range(TURNS)
    ]
    for turn in turns:
        application.turns.wait(turn.id)
    stop.set()
    if reader:
        reader.join()
    unsubscribe()
    seconds = statistics.median(times[-1] - times[0] for times in heard.values())
    longest = max(later - earlier for times in heard.values() for earlier, later in itertools.pairwise(times))
    return seconds, 1000 * longest, reports[0]


def _read(analytics: Analytics, stop: threading.Event, reports: list[int]) -> None:
    """Applies one filter after another at full speed: far more often than a user would click."""
    today = date.today()  # noqa: DTZ011 - any day will do
    lengths = itertools.cycle((30, 90, 365))
    for agent, days in zip(itertools.cycle([None, *(agent.id for agent in AGENTS)]), lengths, strict=False):
        if stop.is_set():
            return
        period = Period(today - timedelta(days=days), today, ZoneInfo("Europe/Berlin"))
        analytics.report(Scope(HistoryFilter(agents=only(agent)), period, DEFAULTS))
        reports[0] += 1
