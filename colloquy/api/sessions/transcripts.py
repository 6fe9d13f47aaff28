"""The messages of a session, paged, with the newest page first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from colloquy.api.http.etags import tag_of
from colloquy.api.sessions.messages import SessionMessage, session_messages
from colloquy.runtime.application import current
from session_store.errors import CursorError
from session_store.models import SessionKey, SessionSummary, StoredEvent, Turn

EVENTS_PER_MESSAGE = 3
"""An estimate: too low costs another query, too high reads more than needed."""

_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


def tag_of_session(session: SessionSummary) -> str:
    """Return the ETag of a session with its messages, however much of it the response contains."""
    last = current().store.events.list(session.key, limit=1)
    return tag_of(replace(session, unseen=False), last[-1].seq if last else 0)


def page_of_messages(key: SessionKey, cursor: str | None, limit: int) -> tuple[list[SessionMessage], str | None]:
    """Return the newest messages, or those before a cursor, oldest first; and the cursor of earlier ones.

    Raises:
        CursorError: this is not a cursor of such a page.
    """
    place, end = _places(cursor)
    size = limit * EVENTS_PER_MESSAGE + 1
    while True:
        events = current().store.events.list(key, before=end, limit=size)
        from_start = len(events) < size
        whole = events if from_start else _without_cut_turn(events)
        places = {stored.event.id: stored.seq for stored in whole}
        found = [one for one in session_messages(key, whole) if place is None or places[one.id] < place]
        if from_start or len(found) > limit:
            break
        size *= 2
    page = found[-limit:]
    return page, _cursor(whole, places[page[0].id]) if len(found) > limit else None


def _without_cut_turn(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Return the events without those of the first turn, whose beginning may be missing."""
    first = events[0].event.invocation_id
    begin = next((n for n, stored in enumerate(events) if stored.event.invocation_id != first), len(events))
    return list(events[begin:])


def _cursor(events: Sequence[StoredEvent], place: int) -> str:
    """Return the cursor for the messages before a place: that place, and the end of its turn."""
    turn_id = next(stored.event.invocation_id for stored in events if stored.seq == place)
    return f"{place}-{max(stored.seq for stored in events if stored.event.invocation_id == turn_id) + 1}"


def _places(cursor: str | None) -> tuple[int | None, int | None]:
    if cursor is None:
        return None, None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise CursorError("This is not a valid cursor for the messages. Start again without one.")
    return int(found[1]), int(found[2])


def messages_of_turn(turn: Turn) -> list[SessionMessage]:
    """Return what was said in a turn, from its message to the last word."""
    return session_messages(turn.key, current().store.events.of_turn(turn))
