"""``GET /api/v1/events``: what happens in sessions, as server-sent events."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query

from colloquy.api.events.hub import Filter
from colloquy.api.events.stream import EventStream, Start
from colloquy.runtime.application import current
from colloquy.runtime.bus import EventBus

EVENT_ID = re.compile(r"(?P<epoch>[0-9a-f]+)-(?P<number>[0-9]{1,19})")
RESTARTED = "Colloquy has restarted since."
UNKNOWN = "There is no event with this id."
TOO_LATE = "Too many events have occurred since."

router = APIRouter(prefix="/v1", tags=["events"])


@router.get("/events", include_in_schema=False)  # a client that tries every route in the schema would never end
async def events(
    session: Annotated[list[str] | None, Query()] = None,
    workspace: Annotated[list[str] | None, Query()] = None,
    last_event_id: Annotated[str, Query()] = "",
    last_event_id_header: Annotated[str, Header(alias="Last-Event-ID")] = "",
) -> EventStream:
    """Everything that happens from now on, or since the event that ``Last-Event-ID`` names.

    ``session`` and ``workspace``, which may be repeated, leave out everything else.
    """
    bus = current().bus
    start = start_of(bus, (last_event_id_header or last_event_id).strip())
    return EventStream(bus, current().store, start, Filter(frozenset(session or ()), frozenset(workspace or ())))


def start_of(bus: EventBus, last_event_id: str) -> Start:
    """Return where a client starts whose last event has this id; if it is empty, now."""
    last = bus.last
    if not last_event_id:
        return Start(last)
    known = EVENT_ID.fullmatch(last_event_id)
    if known is None:
        return Start(last, UNKNOWN)
    if known["epoch"] != bus.epoch:
        return Start(last, RESTARTED)
    number = int(known["number"])
    if number > last:
        return Start(last, UNKNOWN)
    return Start(last, TOO_LATE) if bus.since(number) is None else Start(number)
