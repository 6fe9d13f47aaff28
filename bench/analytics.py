"""Compare the queries of the analytics page with SQLite.

    python -m bench.analytics [--messages 1000000] [--sessions 10000] [--rounds 3] [--folder .]

The same queries run on the store, on SQLite with the same rows and columns, and on the table in which ADK's own
SqliteSessionService stores events, where all but a few columns are in JSON. All return the same answers. Each round
runs all of them in turn; the table shows medians. It is followed by the page itself: after a start it copies facts into
memory, and makes its reports (these queries and more, for two periods) from them. Last comes the pace of running turns
while such reports are made one after another.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from bench.analytics_pace import EVERY_MS, TURNS, WORDS, pace
from bench.data.analytics import adk_rows, same_rows, store_file
from bench.data.questions import ADK, DUCK, LITE, QUESTIONS
from session_store import Store
from session_store.analytics import Analytics, Period, charts
from session_store.analytics.rollups import Rollups
from session_store.analytics.scope import Scope, scoped_cursor
from session_store.history.filters import EVERYTHING, HistoryFilter
from session_store.prices import DEFAULTS

Times = dict[str, dict[str, list[float]]]
Medians = dict[str, dict[str, float]]


def ask_all(connections: dict[str, Any], rounds: int) -> Times:
    """Returns seconds by query and database."""
    times: Times = {}
    for _ in range(rounds):
        for question, asked in QUESTIONS.items():
            answers = []
            for name, sql in asked.items():
                begin = time.perf_counter()
                answers.append(connections[name].execute(sql).fetchall())
                times.setdefault(question, {}).setdefault(name, []).append(time.perf_counter() - begin)
            for other in answers[1:]:
                assert _same(answers[0], other), f"{question}: the answers differ"
    return times


def _same(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]]) -> bool:
    def rounded(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        return [[round(value, 3) if isinstance(value, float) else value for value in row] for row in rows]

    return rounded(ours) == rounded(theirs)


def report_times(path: Path, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds that the page's own steps take."""
    times: dict[str, list[float]] = {}
    store = Store(path)
    today = date.today()  # noqa: DTZ011 - any day will do
    period = Period(today - timedelta(days=364), today, ZoneInfo("Europe/Berlin"))
    scopes = {
        "report, a year of all chats": EVERYTHING,
        "report, one agent": HistoryFilter(agents=frozenset({"assistant"})),
        "report, saved chats": HistoryFilter(saved=True),
    }
    for _ in range(rounds):
        analytics = Analytics(store)
        begin = time.perf_counter()
        analytics.rollups()
        times.setdefault("facts, once after a start", []).append(time.perf_counter() - begin)
        begin = time.perf_counter()
        _the_same_questions(store, analytics.rollups(), Scope(EVERYTHING, period, DEFAULTS))
        times.setdefault("these questions, from the facts", []).append(time.perf_counter() - begin)
        for name, filters in scopes.items():
            begin = time.perf_counter()
            analytics.report(Scope(filters, period, DEFAULTS))
            times.setdefault(name, []).append(time.perf_counter() - begin)
    store.close()
    return times


def _the_same_questions(store: Store, rollups: Rollups, scope: Scope) -> None:
    """Runs the queries of the table the way the page does."""
    cursor = scoped_cursor(store, rollups, scope)
    for ask in (charts.activity, charts.heat, charts.models, charts.agents, charts.tools, charts.turns, charts.latency):
        ask(cursor, scope.period)
    charts.questions(cursor, store, scope.period)
    cursor.close()


def table(medians: Medians) -> str:
    """Returns milliseconds, and how many times faster the store is."""
    lines = ["| ms, median | store | SQLite | ADK | than SQLite | than ADK |", "|" + " --- |" * 6]
    for name, taken in medians.items():
        lines.append(_line(name, taken[DUCK], taken[LITE], taken.get(ADK), taken[DUCK]))
    ours, lite, adk = (_sum(medians, who) for who in (DUCK, LITE, ADK))
    lines.append(_line("all of them", ours, lite, adk, _sum(medians, DUCK, ADK)))
    return "\n".join(lines)


def _sum(medians: Medians, who: str, beside: str = DUCK) -> float:
    """Adds up the queries that ``beside`` can answer as well."""
    return sum(taken[who] for taken in medians.values() if who in taken and beside in taken)


def _line(name: str, ours: float, lite: float, adk: float | None, ours_beside_adk: float) -> str:
    cells = [name, f"{1000 * ours:.1f}", f"{1000 * lite:.0f}", "-" if adk is None else f"{1000 * adk:.0f}"]
    cells += [f"{lite / ours:.0f}x", "-" if adk is None else f"{adk / ours_beside_adk:.0f}x"]
    return "| " + " | ".join(cells) + " |"


def page(times: dict[str, list[float]], medians: Medians) -> str:
    """Returns the times of the page itself, beside those of all queries in SQLite and in ADK's table."""
    lines = []
    for what, taken in times.items():
        ours = statistics.median(taken)
        lite, adk = (_sum(medians, who) / ours for who in (LITE, ADK))
        lines.append(f"{what:32} {1000 * ours:7.0f} ms   {lite:4.0f}x than SQLite, {adk:4.0f}x than ADK")
    return "\n".join(lines)


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description="Compare the questions of the analytics page with SQLite.")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(), help="where to put the files: the disk to measure on")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder, prefix="bench-analytics-") as name:
        folder = Path(name)
        path = store_file(folder, chosen.sessions, chosen.messages)
        lite_file, adk_file = same_rows(path, folder / "same.sqlite"), adk_rows(path, folder / "adk.sqlite")
        print(f"{chosen.messages:,} messages in {chosen.sessions:,} conversations, {chosen.rounds} rounds\n")
        with (
            duckdb.connect(str(path), read_only=True) as store,
            sqlite3.connect(lite_file) as lite,
            sqlite3.connect(adk_file) as adk,
        ):
            times = ask_all({DUCK: store, LITE: lite, ADK: adk}, chosen.rounds)
        lite.close()
        adk.close()
        medians = {
            question: {who: statistics.median(values) for who, values in taken.items()}
            for question, taken in times.items()
        }
        print(table(medians), "\n")
        print(page(report_times(path, chosen.rounds), medians))
        print(f"\n{TURNS} answers at once of {WORDS} words, one every {EVERY_MS} ms:")
        for what, (seconds, longest, reports) in pace(path.parent, chosen.rounds).items():
            print(f"{what:18} {seconds:5.2f} s, longest pause between two words {longest:4.0f} ms, {reports} reports")


if __name__ == "__main__":
    main()
