"""Measure what hostile queries do to all others: the pace of healthy answers, and the memory of the app.

    python -m bench.hostile [--minutes 1] [--streams 10] [--people 4]

The app is served as usual, with its data in a folder of its own. A model behind OpenAI's protocol says a word every 50
ms to each of the listening chats, first alone and then while attackers continuously run queries that use all memory,
never end, or ignore interrupts: in chats with the history analyst, with a folder, a SQLite file and, if it is
installed, a PostgreSQL server, and on the SQL page. Every fourth query is stopped by its sender. The table compares
both; ``this process`` is how late the measuring process itself ran, which is the machine's share.

Memory is that of the app and its children; pages shared by several of them count once (the kernel's ``Pss``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import httpx

from bench.events import cpu_seconds, lines_of, until
from bench.hostile_people import DUCKDB, POSTGRES, SQLITE, Place, Told, attack
from bench.models.word_server import ANSWER, MODEL
from tests.agents.data.postgres import postgres_programs, running_postgres
from tests.support.servers import APP, ROOT, Server, free_port

BEAT = 0.01
LOOK_EVERY = 0.25
WORST_PAUSE, MOST_MEMORY = 0.3, 1000.0


@dataclass
class Measured:
    """Pauses between two words of an answer, in seconds; how late this process ran; all answers, and the failed
    ones."""

    pauses: list[float] = field(default_factory=list)
    late: float = 0.0
    answers: int = 0
    wrong: int = 0
    memory: float = 0.0
    app_memory: float = 0.0
    cpu: float = 0.0


# -- healthy people ----------------------------------------------------------------------------------------------------


async def healthy(url: str, streams: int, seconds: float) -> Measured:
    """Runs this many chats that ask one question after the other, for this many seconds."""
    measured, end = Measured(), time.monotonic() + seconds
    beating = asyncio.create_task(_beat(measured))
    await asyncio.gather(*(_chat(url, end, measured) for _ in range(streams)))
    beating.cancel()
    return measured


async def _chat(url: str, end: float, measured: Measured) -> None:
    question = {"message": "Count.", "agent_id": "assistant", "model": f"openai/{MODEL}", "stream": True}
    while time.monotonic() < end:
        said, last = "", None
        async for line in lines_of(url, "POST /api/v1/run_turn", json.dumps(question)):
            if line.startswith(b"data: ") and b'"agent-chunk"' in line:
                now, text = time.perf_counter(), json.loads(line[6:]).get("text", "")
                if text and last is not None:
                    measured.pauses.append(now - last)
                said, last = said + text, now if text else last
            elif line == b"0\r\n":
                break
        measured.answers += 1
        measured.wrong += said.strip() != ANSWER.strip()


async def _beat(measured: Measured) -> None:
    while True:
        begin = time.perf_counter()
        await asyncio.sleep(BEAT)
        measured.late = max(measured.late, time.perf_counter() - begin - BEAT)


# -- the app and its children ------------------------------------------------------------------------------------------


def family(process: int) -> list[int]:
    """Returns a process and all its descendants; only the process on systems without /proc."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = path.read_text().rpartition(") ")[2].split()[1]
            children.setdefault(int(parent), []).append(int(path.parent.name))
    found = [process]
    for one in found:
        found += children.get(one, [])
    return found


def resident(processes: list[int]) -> float:
    """Returns the megabytes that these processes hold."""
    kilobytes = 0
    for process in processes:
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes * 1024 / 1e6


@contextmanager
def watched(process: int, measured: Measured) -> Iterator[None]:
    """Records the peak memory of the app and its children during the block, and the processor time of the app
    itself."""
    over, begin = threading.Event(), cpu_seconds(process)

    def watch() -> None:
        while not over.wait(LOOK_EVERY):
            measured.memory = max(measured.memory, resident(family(process)))
            measured.app_memory = max(measured.app_memory, resident([process]))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        measured.cpu = cpu_seconds(process) - begin


# -- what is measured --------------------------------------------------------------------------------------------------


@contextmanager
def word_server() -> Iterator[str]:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "bench.models.word_server:app",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: httpx.get(url, trust_env=False).status_code > 0)
            yield f"{url}/v1"
        finally:
            process.terminate()


def places(url: str, folder: Path, postgres: str | None) -> list[Place]:
    """Returns the history, and workspaces with data."""
    files, sqlite = folder / "files", folder / "numbers.sqlite"
    files.mkdir()
    (files / "numbers.csv").write_text("n\n" + "".join(f"{number}\n" for number in range(1000)), encoding="utf-8")
    with sqlite3.connect(sqlite) as connection:
        connection.execute("create table t (n integer)")
        connection.executemany("insert into t values (?)", [(number,) for number in range(100)])
    connection.close()
    found = [Place("history", "history_analyst", None, DUCKDB)]
    kinds = [("folder", str(files), DUCKDB), ("sqlite", str(sqlite), SQLITE)]
    if postgres:
        kinds.append(("postgres", postgres, POSTGRES))
    with httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as client:
        for kind, address, statements in kinds:
            made = client.post("/workspaces", json={"name": kind}).raise_for_status().json()["id"]
            data = {"kind": kind, "address": address}
            client.put(f"/workspaces/{made}/connection", json=data).raise_for_status()
            found.append(Place(kind, "data_analyst", made, statements))
    return found


def measure(server: Server, streams: int, seconds: float) -> Measured:
    measured = Measured()
    with watched(server.process_id, measured):
        heard = asyncio.run(healthy(server.url, streams, seconds))
    heard.memory, heard.app_memory, heard.cpu = measured.memory, measured.app_memory, measured.cpu
    return heard


def report(alone: Measured, beside: Measured, idle: float, told: Told) -> None:
    """Prints both, and how much they differ."""
    rows = {
        "pause between two words: median, ms": [1000 * statistics.median(one.pauses) for one in (alone, beside)],
        "p99, ms": [1000 * sorted(one.pauses)[int(len(one.pauses) * 0.99)] for one in (alone, beside)],
        "worst, ms": [1000 * max(one.pauses) for one in (alone, beside)],
        "this process came late by at most, ms": [1000 * one.late for one in (alone, beside)],
        "memory above idle, MB": [one.memory - idle for one in (alone, beside)],
        "memory of the app's own process, MB": [one.app_memory for one in (alone, beside)],
        "processor seconds of the app itself": [one.cpu for one in (alone, beside)],
    }
    print(f"{'':40} {'alone':>10} {'hostile':>10} {'ratio':>7}")
    for name, (before, after) in rows.items():
        print(f"{name:40} {before:10.1f} {after:10.1f} {after / before if before > 0 else 0:7.2f}")
    answers = ", ".join(f"{one.answers} answers, {one.wrong} of them not whole" for one in (alone, beside))
    print(f"\n{answers}\n\nHow {told.ends.total()} hostile queries ended:")
    for end, times in sorted(told.ends.items()):
        print(f"{times:6} {end}")
    print(f"The slowest took {told.longest:.1f} s ({told.slowest}).")
    holds = max(beside.pauses) < WORST_PAUSE and beside.memory - idle < MOST_MEMORY and not beside.wrong
    print("\nAll of it holds." if holds else "\nIT DOES NOT HOLD.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long hostile people ask; 30 for a soak")
    parser.add_argument("--streams", type=int, default=10)
    parser.add_argument("--people", type=int, default=4)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        model = stack.enter_context(word_server())
        postgres = stack.enter_context(running_postgres()) if postgres_programs() else None
        most = given.streams + given.people
        settings = {"openai_base_url": model, "openai_models": MODEL, "max_turns": most, "model": f"openai/{MODEL}"}
        server = Server(folder / "data", script=APP, **settings).start()
        stack.callback(server.close)
        people = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        asked = places(server.url, folder, postgres)
        asyncio.run(healthy(server.url, 1, 1))
        idle = resident(family(server.process_id))
        alone = measure(server, given.streams, min(30.0, 60 * given.minutes))
        attacking = people.submit(attack, server.url, asked, given.people, 60 * given.minutes)
        beside = measure(server, given.streams, 60 * given.minutes)
        print(
            f"{given.streams} streams, {given.people} hostile people, {given.minutes:g} minutes; idle: {idle:.0f} MB\n"
        )
        report(alone, beside, idle, attacking.result())


if __name__ == "__main__":
    main()
