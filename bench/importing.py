"""Imports the session database of an ADK project, compared with reading it through ADK's own service.

    python -m bench.importing [--events 100000] [--sessions 1000]

Both read the same file in the same run: ADK's service session by session, as any program would that migrates a history;
Colloquy with everything that an import does: reading, checking, writing to DuckDB, and once more when nothing is new.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from google.adk.events.event import Event
from google.adk.sessions import sqlite_session_service
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types

from session_store import Store
from session_store.exchange import import_file

APP, USER = "travel_desk", "user"
T = TypeVar("T")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, default=1_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder, "adk.db")
        fill(history, chosen.sessions, chosen.events)
        print(f"{chosen.events:,} events in {chosen.sessions:,} sessions, {history.stat().st_size / 1e6:.0f} MB")
        print("                                         seconds    of processors")
        reading, read_cpu, found = timed(lambda: asyncio.run(read_with_adk(history)))
        print(f"ADK's SqliteSessionService reads them   {reading:8.1f}   {read_cpu:8.1f}   ({found:,} events)")
        store = Store(Path(folder, "colloquy.duckdb"))
        importing, import_cpu, report = timed(lambda: import_file(store, history))
        print(
            f"Colloquy imports them                   {importing:8.1f}   {import_cpu:8.1f}   ({report.events:,} events)"
        )
        again, again_cpu, report = timed(lambda: import_file(store, history))
        print(f"Colloquy finds them there               {again:8.1f}   {again_cpu:8.1f}   ({len(report.taken)} new)")
        store.close()
        print(f"importing / reading with ADK: {importing / reading:.2f} ({import_cpu / read_cpu:.2f} of processors)")
        print(f"events a second: {chosen.events / importing:,.0f}")


def timed(work: Callable[[], T]) -> tuple[float, float, T]:
    """Returns the wall-clock seconds, the processor seconds (which other processes hardly change), and the result."""
    begin, worked = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - begin, time.process_time() - worked, result


def fill(path: Path, sessions: int, events: int) -> None:
    """Writes a history as ADK's service does, in one transaction."""
    connection = sqlite3.connect(path)
    connection.executescript(sqlite_session_service.CREATE_SCHEMA_SQL)
    at = 1_700_000_000.0
    with connection:
        for number in range(sessions):
            session_id = f"session-{number}"
            connection.execute("insert into sessions values (?, ?, ?, '{}', ?, ?)", (APP, USER, session_id, at, at))
            for place in range(events // sessions):
                at += 1.0
                event = said(f"{session_id}-{place // 4}", place % 4, at)
                connection.execute(
                    "insert into events values (?, ?, ?, ?, ?, ?, ?)",
                    (
                        event.id,
                        APP,
                        USER,
                        session_id,
                        event.invocation_id,
                        at,
                        event.model_dump_json(exclude_none=True),
                    ),
                )
    connection.close()


def said(turn_id: str, place: int, at: float) -> Event:
    """Returns an event of a turn: a question, a tool call, its response or an answer."""
    call = types.FunctionCall(id=f"call-{turn_id}", name="find_trains", args={"to": "Lisbon", "days": 3})
    response = types.FunctionResponse(id=f"call-{turn_id}", name="find_trains", response={"trains": [1, 2, 3]})
    part = [
        types.Part(text=f"Which trains go to Lisbon on day {at % 365:.0f}, and which of them at night?"),
        types.Part(function_call=call),
        types.Part(function_response=response),
        types.Part(text="There are three trains, one of which goes at night. " * 8),
    ][place]
    usage = types.GenerateContentResponseUsageMetadata(prompt_token_count=120, candidates_token_count=40)
    return Event(
        author=APP if place else "user",
        invocation_id=turn_id,
        content=types.Content(role="model" if place in (1, 3) else "user", parts=[part]),
        timestamp=at,
        usage_metadata=usage if place in (1, 3) else None,
    )


async def read_with_adk(path: Path) -> int:
    """Reads every session completely; returns the number of events."""
    service, found = SqliteSessionService(str(path)), 0
    listed = await service.list_sessions(app_name=APP, user_id=USER)
    for one in listed.sessions:
        session = await service.get_session(app_name=APP, user_id=USER, session_id=one.id)
        found += len(session.events) if session else 0
    return found


if __name__ == "__main__":
    main()
