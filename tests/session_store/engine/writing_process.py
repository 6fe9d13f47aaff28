"""A process that appends to several sessions at once and reports which events were acknowledged."""

from __future__ import annotations

import asyncio
import itertools
from multiprocessing.connection import Connection
from pathlib import Path

from google.adk.sessions.session import Session

from session_store import DuckDBSessionService, Store
from tests.session_store.events import said

SESSIONS = 5


def write_forever(path: Path, acknowledged: Connection) -> None:
    asyncio.run(_write(path, acknowledged))


def hold(path: Path, ready: Connection) -> None:
    store = Store(path)
    ready.send("open")
    ready.recv()
    store.close()


async def _write(path: Path, acknowledged: Connection) -> None:
    service = DuckDBSessionService(path)
    sessions = [await service.create_session(app_name="app", user_id="ann") for _ in range(SESSIONS)]
    await asyncio.gather(*(_talk(service, session, acknowledged) for session in sessions))


async def _talk(service: DuckDBSessionService, session: Session, acknowledged: Connection) -> None:
    for number in itertools.count():
        event = said(f"message {number}", state={"count": number}) if number % 3 == 0 else said(f"message {number}")
        await service.append_event(session, event)
        acknowledged.send((session.id, event.id))
