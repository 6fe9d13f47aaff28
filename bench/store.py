"""Compare the store with ADK's own session services, in one run on one disk.

    python -m bench.store [--events 500] [--sessions 10000] [--rounds 5] [--folder .]

Each measurement is taken of the services in turn, round after round, so that a temporarily busy disk slows all of them.
The table shows medians over the rounds, and how many times faster DuckDBSessionService is.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from google.adk.events.event import Event
from google.adk.sessions.base_session_service import BaseSessionService
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types

from session_store import DuckDBSessionService
from session_store.models import SessionKey, TitleSource

OURS = "DuckDB"
TEXT = "The quick brown fox jumps over the lazy dog. " * 8
AT_ONCE = 20
IN_A_ROW = 8
LISTED = 100


@dataclass
class Peer:
    """A service under measurement, with a file of its own."""

    name: str
    open: Callable[[], BaseSessionService]
    service: BaseSessionService
    crowd: BaseSessionService
    """A service whose file holds many sessions."""
    times: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, seconds: float) -> None:
        self.times.setdefault(what, []).append(seconds)


def message(number: int) -> Event:
    return Event(
        author="user" if number % 2 else "agent",
        invocation_id=f"turn-{number // 2}",
        content=types.Content(role="user" if number % 2 else "model", parts=[types.Part(text=f"{number} {TEXT}")]),
        usage_metadata=types.GenerateContentResponseUsageMetadata(prompt_token_count=100, candidates_token_count=50),
    )


async def close(service: BaseSessionService) -> None:
    if hasattr(service, "close"):
        await service.close()


async def append_alone(peer: Peer, events: int) -> None:
    session = await peer.service.create_session(app_name="bench", user_id="alone")
    taken = []
    for number in range(events):
        event = message(number)
        start = time.perf_counter()
        await peer.service.append_event(session, event)
        taken.append(time.perf_counter() - start)
    peer.note("append, one session", statistics.median(taken))


async def append_together(peer: Peer, events: int) -> None:
    sessions = [await peer.service.create_session(app_name="bench", user_id="many") for _ in range(AT_ONCE)]
    each = max(1, events // AT_ONCE)
    batches = [[message(number) for number in range(each)] for _ in sessions]

    async def fill(place: int) -> None:
        for event in batches[place]:
            await peer.service.append_event(sessions[place], event)

    start = time.perf_counter()
    outcomes = await asyncio.gather(*(fill(place) for place in range(AT_ONCE)), return_exceptions=True)
    failed = sum(isinstance(outcome, Exception) for outcome in outcomes)
    if failed:  # SQLite gives up waiting for a lock after a while; failed appends must not count as fast ones
        print(f"{peer.name}: {failed} of {AT_ONCE} sessions failed to append: {next(filter(None, outcomes))}\n")
        return
    peer.note(f"append, {AT_ONCE} sessions at once", (time.perf_counter() - start) / (each * AT_ONCE))


async def create(peer: Peer, events: int) -> None:
    taken = []
    for _ in range(events):
        start = time.perf_counter()
        await peer.service.create_session(app_name="bench", user_id="creator")
        taken.append(time.perf_counter() - start)
    peer.note("create", statistics.median(taken))


async def create_in_a_row(peer: Peer) -> None:
    start = time.perf_counter()
    for _ in range(IN_A_ROW):
        await peer.service.create_session(app_name="bench", user_id="creator")
    peer.note(f"create, {IN_A_ROW} one after the other", time.perf_counter() - start)


async def list_some(peer: Peer) -> None:
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        listed = await peer.service.list_sessions(app_name="bench", user_id="lister")
        taken.append(time.perf_counter() - start)
        assert len(listed.sessions) == LISTED
    peer.note(f"list, {LISTED} sessions", statistics.median(taken))


async def open_session(peer: Peer, session_id: str) -> None:
    await close(peer.service)
    peer.service = peer.open()
    await peer.service.list_sessions(app_name="nobody")  # connection setup and schema checks are not measured
    start = time.perf_counter()
    await peer.service.get_session(app_name="bench", user_id="reader", session_id=session_id)
    peer.note("get, cold", time.perf_counter() - start)
    await asyncio.sleep(0.2)  # a service may continue in the background
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        await peer.service.get_session(app_name="bench", user_id="reader", session_id=session_id)
        taken.append(time.perf_counter() - start)
    peer.note("get, hot", statistics.median(taken))


async def newest_of_many(peer: Peer) -> None:
    await newest(peer, "newest 50 of many sessions")
    session = await peer.crowd.create_session(app_name="bench", user_id="crowd")
    await peer.crowd.append_event(session, message(0))
    if isinstance(peer.crowd, DuckDBSessionService):
        key = SessionKey("bench", "crowd", session.id)
        peer.crowd.store.sessions.rename(key, "A title", TitleSource.PERSON)
    await newest(peer, "the same, one just changed")


async def newest(peer: Peer, what: str) -> None:
    start = time.perf_counter()
    if isinstance(peer.crowd, DuckDBSessionService):
        assert len(peer.crowd.store.sessions.list("crowd", limit=50).items) == 50
    else:
        listed = await peer.crowd.list_sessions(app_name="bench", user_id="crowd")
        assert len(listed.sessions[-50:]) == 50
    peer.note(what, time.perf_counter() - start)


async def fill_session(service: BaseSessionService, events: int) -> str:
    session = await service.create_session(app_name="bench", user_id="reader")
    for number in range(events):
        await service.append_event(session, message(number))
    return session.id


async def fill_list(service: BaseSessionService, user_id: str, sessions: int) -> None:
    for number in range(sessions):
        await service.create_session(app_name="bench", user_id=user_id, state={"topic": f"number {number}"})


def openers(folder: Path) -> dict[str, Callable[[str], BaseSessionService]]:
    found: dict[str, Callable[[str], BaseSessionService]] = {
        OURS: lambda name: DuckDBSessionService(folder / f"{name}.duckdb"),
        "SQLite": lambda name: SqliteSessionService(str(folder / f"{name}.sqlite")),
    }
    try:
        from google.adk.sessions.database_session_service import DatabaseSessionService  # noqa: PLC0415 - optional

        DatabaseSessionService("sqlite+aiosqlite:///:memory:")
    except ImportError as error:
        print(f"DatabaseSessionService is left out: {error}. pip install sqlalchemy aiosqlite brings it in.\n")
    else:
        found["Database"] = lambda name: DatabaseSessionService(f"sqlite+aiosqlite:///{folder / name}.db")
    return found


async def in_turn(peers: list[Peer], measure: Callable[[Peer], Awaitable[None]]) -> None:
    for peer in peers:
        await measure(peer)


async def measure(folder: Path, *, events: int, sessions: int, rounds: int) -> list[Peer]:
    peers, long_sessions = [], {}
    for name, make in openers(folder).items():
        peer = Peer(name, lambda make=make: make("main"), make("main"), make("crowd"))  # type: ignore[misc]
        long_sessions[name] = await fill_session(peer.service, events)
        await fill_list(peer.service, "lister", LISTED)
        await fill_list(peer.crowd, "crowd", sessions)
        peers.append(peer)
    for _ in range(rounds):
        await in_turn(peers, lambda peer: append_alone(peer, min(events, 200)))
        await in_turn(peers, lambda peer: append_together(peer, events))
        await in_turn(peers, lambda peer: create(peer, min(events, 100)))
        await in_turn(peers, create_in_a_row)
        await in_turn(peers, list_some)
        await in_turn(peers, lambda peer: open_session(peer, long_sessions[peer.name]))
        await in_turn(peers, newest_of_many)
    for peer in peers:
        await close(peer.service)
        await close(peer.crowd)
    return peers


def table(peers: list[Peer]) -> str:
    ours = peers[0]
    head = ["ms, median"] + [peer.name for peer in peers] + [f"times faster than {peer.name}" for peer in peers[1:]]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for what in ours.times:
        medians = [statistics.median(peer.times.get(what, [math.nan])) for peer in peers]
        cells = [what] + ["failed" if math.isnan(median) else f"{median * 1000:.2f}" for median in medians]
        cells += ["-" if math.isnan(median) else f"{median / medians[0]:.1f}" for median in medians[1:]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the store with ADK's own session services.")
    parser.add_argument("--events", type=int, default=500, help="events of the long session")
    parser.add_argument("--sessions", type=int, default=10_000, help="sessions in the list")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--folder", type=Path, default=Path(), help="where to put the files: the disk to measure on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-store-") as folder:
        peers = asyncio.run(measure(Path(folder), events=given.events, sessions=given.sessions, rounds=given.rounds))
    print(f"{given.events} events in the long session, {given.sessions} sessions in the list, {given.rounds} rounds\n")
    print(table(peers))


if __name__ == "__main__":
    main()
