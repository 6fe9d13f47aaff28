"""Measure how long a query of the SQL page takes, beside DuckDB itself on the same file.

    python -m bench.queries [--messages 100000] [--sessions 1000] [--rounds 5] [--folder .]

``first`` uses a query process that was started in advance, like the first query after a start or after a stopped query;
``next`` uses the process of the previous query; ``after a change`` needs a new copy of the history as well. The peer
opens a copy of the file read-only in the measuring process and runs each query there, without limits of memory or time,
reopening it each time. The table shows medians.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb

from bench.data.history import make
from colloquy.agents.data.history_database import HistoryDatabase
from colloquy.agents.data.workers.pool import Workers
from session_store import Store

QUESTIONS = {
    "one number": "select count(*) from conversations",
    "chats by agent": "select agent, count(*) as chats from conversations group by agent order by chats desc",
    "messages by day": "select created_at::date as day, count(*) from messages group by day order by day desc",
    "a word": "select conversation_id, text from messages where text ilike '%refund%' order by created_at desc",
    "10,000 rows": "select * from messages order by created_at desc limit 10000",
}
READY_SECONDS = 3.0


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


def first(store: Store, sql: str) -> float:
    """Measures with a process that is ready, as it is shortly after the app has started."""
    workers = Workers()
    try:
        workers.warm_up()
        time.sleep(READY_SECONDS)
        return timed(lambda: HistoryDatabase("history", store, workers=workers).query(sql))
    finally:
        workers.close()


def directly(file: Path, sql: str) -> float:
    def ask() -> None:
        with duckdb.connect(str(file), read_only=True) as connection:
            connection.execute("use history")
            connection.execute(sql).to_arrow_table()

    return timed(ask)


def measure(folder: Path, *, rounds: int) -> dict[str, list[float]]:
    """Returns milliseconds by query: first, next, after a change, and directly."""
    file, copy = folder / "chats.duckdb", folder / "copy.duckdb"
    shutil.copy(file, copy)
    store, workers = Store(file), Workers()
    history = HistoryDatabase("history", store, workers=workers)
    found: dict[str, list[float]] = {}
    try:
        for name, sql in QUESTIONS.items():
            ask = partial(history.query, sql)
            ask()
            times: dict[str, list[float]] = {"first": [], "next": [], "changed": [], "directly": []}
            for number in range(rounds):
                times["first"].append(first(store, sql))
                times["next"].append(timed(ask))
                store.queries.record(f"select {number}", seconds=0.0)
                times["changed"].append(timed(ask))
                times["directly"].append(directly(copy, sql))
            found[name] = [statistics.median(taken) for taken in times.values()]
    finally:
        workers.close()
        store.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure queries of the SQL page, beside DuckDB itself.")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--folder", type=Path, default=Path(), help="where to put the files: the disk to measure on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-queries-") as name:
        folder = Path(name)
        make(folder / "chats.duckdb", sessions=given.sessions, messages=given.messages)
        print("| ms, median | first | next | after a change | DuckDB itself | next, times DuckDB |")
        print("|" + " --- |" * 6)
        for question, times in measure(folder, rounds=given.rounds).items():
            print(f"| {question} | " + " | ".join(f"{one:.0f}" for one in times) + f" | {times[1] / times[3]:.1f} |")


if __name__ == "__main__":
    main()
