"""A write that is cancelled is either complete or absent before the session is next read."""

from __future__ import annotations

import asyncio
import math
import random

import pytest
from google.adk.errors.input_validation_error import InputValidationError
from google.adk.events.event import Event
from google.genai import types

from session_store import DuckDBSessionService

NAMES = {"app_name": "agent", "user_id": "ann", "session_id": "one"}


def event(text):
    return Event(author="agent", content=types.Content(role="model", parts=[types.Part(text=text)]))


@pytest.fixture
async def service(path):
    async with DuckDBSessionService(path) as service:
        await service.create_session(**NAMES)
        yield service


async def cancelled(task, seconds):
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_freshly_read_session_is_never_stale(service):
    chance = random.Random(7)
    for number in range(60):
        session = await service.get_session(**NAMES)
        task = asyncio.create_task(service.append_event(session, event(f"cancelled {number}")))
        await cancelled(task, chance.choice([0, 0, 0.0005, 0.001, 0.002]))
        fresh = await service.get_session(**NAMES)
        await service.append_event(fresh, event(f"kept {number}"))
        if chance.random() < 0.5:  # callers may also continue with the same object
            await service.append_event(fresh, event(f"more {number}"))
    found = await service.get_session(**NAMES)
    assert sum(said.content.parts[0].text.startswith("kept") for said in found.events) == 60
    stored = service.store.log.database.rows("select count(*) from events")[0][0]
    assert stored == len(found.events)


async def test_a_cancelled_append_in_a_queue_is_dropped(service):
    session = await service.get_session(**NAMES)
    tasks = [asyncio.create_task(service.append_event(session, event(str(number)))) for number in range(3)]
    await cancelled(tasks[1], 0)
    await asyncio.gather(*tasks, return_exceptions=True)
    found = await service.get_session(**NAMES)
    assert [said.content.parts[0].text for said in found.events] == ["0", "2"]
    assert [said.id for said in session.events] == [said.id for said in found.events]


async def test_cancelled_creation_or_deletion_of_a_session_is_complete_or_absent(service):
    for number in range(30):
        names = NAMES | {"session_id": f"new {number}"}
        await cancelled(asyncio.create_task(service.create_session(**names)), 0)
        session = await service.get_session(**names)
        if session is not None:
            await service.append_event(session, event("hello"))
            await cancelled(asyncio.create_task(service.delete_session(**names)), 0)
            if found := await service.get_session(**names):
                await service.append_event(found, event("still here"))


def test_a_loop_that_ends_leaves_nothing_half_done_for_the_next(path):
    service = DuckDBSessionService(path)
    asyncio.run(service.create_session(**NAMES))

    async def leave():
        session = await service.get_session(**NAMES)
        asyncio.create_task(service.append_event(session, event("left behind")))  # noqa: RUF006
        await asyncio.sleep(0)

    async def go_on():
        session = await service.get_session(**NAMES)
        await service.append_event(session, event("gone on"))

    for _ in range(20):
        asyncio.run(leave())
        asyncio.run(go_on())
    asyncio.run(service.close())


@pytest.mark.parametrize("timestamp", [math.nan, math.inf, -math.inf, -1.0, 1e18, 253_402_300_800.0])
async def test_an_invalid_time_is_refused_and_leaves_the_session_unchanged(service, timestamp):
    session = await service.get_session(**NAMES)
    odd = event("when?")
    odd.timestamp = timestamp
    with pytest.raises(InputValidationError, match="Unix seconds"):
        await service.append_event(session, odd)
    await service.append_event(session, event("now"))
    found = await service.get_session(**NAMES)
    assert [said.content.parts[0].text for said in found.events] == ["now"]
