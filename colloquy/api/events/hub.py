"""Passes what happens in sessions from the bus to the clients that read it over HTTP, each at its own pace.

Clients have no queues of their own: each reads the events kept by the bus, starting from its own position, so a slow
client costs no memory and holds up no other.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from fastapi.sse import format_sse_event

from colloquy.api.sessions.info import sessions_at_work
from colloquy.runtime.bus import NO_SESSION, BusEvent, EventBus, EventKind, Published
from colloquy.runtime.transcripts.lines import rfc3339
from session_store import Store
from session_store.models import SessionKey

LISTED = 50
"""How many active sessions an event about their list contains at most: the newest ones."""

MOST_GONE = 1000
"""The most deleted sessions whose workspaces are remembered, for the events that still concern them."""

_SESSIONS, _NO_SESSIONS = b'"sessions": ', b'"sessions": null'

MOVES = frozenset({EventKind.SESSION_CREATED, EventKind.SESSION_LIST_CHANGED})
"""Events after which a session may be in another workspace than before."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An event as clients get it. ``workspaces`` are the workspaces concerned: two if a session moves; none if the
    workspace is unknown."""

    session_id: str
    workspaces: frozenset[str]
    block: bytes
    lists: bool = False
    """Whether it contains the list of active sessions, as of the time when the notice is sent."""

    def with_sessions(self, sessions: bytes) -> bytes:
        """Return the event, with the JSON of that list filled in if it contains the list."""
        return self.block.replace(_NO_SESSIONS, _SESSIONS + sessions, 1) if self.lists else self.block


@dataclass(frozen=True, slots=True)
class Filter:
    """What a client wants: everything, or only what concerns certain sessions or workspaces."""

    sessions: frozenset[str] = frozenset()
    workspaces: frozenset[str] = frozenset()

    def takes(self, notice: Notice) -> bool:
        """Whether the client wants this notice. If its workspace is no longer known, it may concern any client."""
        if self.sessions and notice.session_id not in self.sessions:
            return False
        return not (self.workspaces and notice.workspaces and self.workspaces.isdisjoint(notice.workspaces))


class EventHub:
    """Turns what a bus publishes into notices, once for all clients, and wakes the clients. Lives on the server's loop,
    as long as the bus: what it knows about sessions tells later clients where those were before they moved."""

    def __init__(self, bus: EventBus, store: Store) -> None:
        self.loop = asyncio.get_running_loop()
        self._bus, self._store = weakref.ref(bus), store
        self._epoch = bus.epoch
        self._sleepers: set[Callable[[], None]] = set()
        self._notices: dict[int, Notice] = {}
        self._oldest = 0
        self._workspaces: dict[SessionKey, str] = {}
        self._gone: dict[SessionKey, None] = {}
        """Deleted sessions, least recently deleted first: only some of their workspaces are remembered."""
        self._making = asyncio.Lock()
        self._sessions: bytes | None = None
        self._listing = asyncio.Lock()
        self._list_changes = 0
        self._is_waking = False
        self.close = bus.subscribe(self._hear)

    @classmethod
    def of(cls, bus: EventBus, store: Store) -> EventHub:
        """Return the hub of a bus, for the running loop."""
        hub = _hubs.get(bus)
        if hub is None or hub.loop is not asyncio.get_running_loop():
            if hub:
                hub.close()
            hub = _hubs[bus] = cls(bus, store)
        return hub

    async def join(self, wake: Callable[[], None], workspaces: Collection[str]) -> None:
        """Call ``wake`` on the server's loop whenever something is published. ``workspaces`` are those that the client
        filters by: the hub remembers which sessions are in them now, so that the client hears when one leaves."""
        self._sleepers.add(wake)
        if workspaces:
            inside = await asyncio.to_thread(self._inside, workspaces)
            self._workspaces = inside | self._workspaces

    def leave(self, wake: Callable[[], None]) -> None:
        """Stop calling ``wake``."""
        self._sleepers.discard(wake)

    async def notices(self, published: Sequence[Published]) -> list[Notice]:
        """Return these events as clients see them."""
        if all(one.number in self._notices for one in published):
            return [self._notices[one.number] for one in published]
        async with self._making:
            self._forget_old()
            made = await self._made([one for one in published if one.number not in self._notices])
            notices = [made.get(one.number) or self._notices[one.number] for one in published]
            self._notices |= {number: notice for number, notice in made.items() if number >= self._oldest}
            return notices

    async def sessions(self) -> bytes:
        """Return the newest active sessions, as JSON. Read once after each change of the list, for all clients."""
        async with self._listing:
            if self._sessions is not None:
                return self._sessions
            changes = self._list_changes
            read = await asyncio.to_thread(_sessions_at_work)
            if changes == self._list_changes:
                self._sessions = read
            return read

    def _hear(self, event: BusEvent) -> None:
        """Handle an event of the bus. Called from any thread."""
        if event.kind is EventKind.SESSION_LIST_CHANGED:
            self._list_changes += 1
            self._sessions = None
        if not self._is_waking:
            self._is_waking = True
            with suppress(RuntimeError):  # the server is gone
                self.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        for wake in self._sleepers:
            wake()

    async def _made(self, published: Sequence[Published]) -> dict[int, Notice]:
        keys = {one.event.key for one in published}
        before = {key: self._workspaces[key] for key in keys if key in self._workspaces}
        moved = {one.event.key for one in published if one.event.kind in MOVES}
        if asked := (moved | (keys - before.keys())) - {NO_SESSION}:
            found = await asyncio.to_thread(self._places, asked)
            self._workspaces |= found
            self._remember_gone(asked - found.keys(), found)
        made: dict[int, Notice] = {}
        for one in published:
            key = one.event.key
            workspace = self._workspaces.get(key)
            concerned = {workspace, before.get(key)} if one.event.kind in MOVES else {workspace}
            made[one.number] = Notice(
                session_id=key.session_id,
                workspaces=frozenset(name for name in concerned if name is not None),
                block=self._block(one, workspace),
                lists=one.event.kind is EventKind.SESSION_LIST_CHANGED,
            )
        return made

    def _remember_gone(self, gone: Iterable[SessionKey], found: Iterable[SessionKey]) -> None:
        for key in found:
            self._gone.pop(key, None)
        self._gone |= dict.fromkeys(gone)
        for key in [*self._gone][: max(0, len(self._gone) - MOST_GONE)]:
            del self._gone[key]
            self._workspaces.pop(key, None)

    def _places(self, keys: Iterable[SessionKey]) -> dict[SessionKey, str]:
        """Return the workspaces of the sessions that are not deleted."""
        found = {key: self._store.sessions.find(key) for key in keys}
        return {key: session.workspace_id for key, session in found.items() if session}

    def _inside(self, workspaces: Iterable[str]) -> dict[SessionKey, str]:
        return {key: workspace for workspace in workspaces for key in self._store.workspaces.sessions_in([workspace])}

    def _forget_old(self) -> None:
        bus = self._bus()
        oldest = bus.oldest if bus else self._oldest
        for number in range(self._oldest, oldest):
            self._notices.pop(number, None)
        self._oldest = oldest

    def _block(self, one: Published, workspace: str | None) -> bytes:
        event = one.event
        data: dict[str, object] = {
            "session_id": event.key.session_id or None,
            "agent": event.key.app_name or None,
            "workspace_id": workspace,
            "turn_id": event.turn_id,
            "time": rfc3339(one.at),
        }
        if event.kind is EventKind.AGENT_CHUNK:
            words, thought = ("", event.text) if event.is_thought else (event.text, "")
            data |= {"event_id": event.event_id, "author": event.author, "text": words, "thought": thought}
            data |= {"content": words, "is_done": event.is_done}
        elif event.kind is EventKind.SESSION_LIST_CHANGED:
            data["sessions"] = None
        elif event.kind is EventKind.TURN_CHANGED:
            data["status"] = event.status and event.status.value
        return format_sse_event(event=event.kind.value, data_str=json.dumps(data), id=id_of(self._epoch, one.number))


def _sessions_at_work() -> bytes:
    items = sessions_at_work(None, LISTED).items
    return json.dumps([one.model_dump(mode="json") for one in items]).encode()


def id_of(epoch: str, number: int) -> str:
    """Return the id of an event for clients."""
    return f"{epoch}-{number}"


_hubs: weakref.WeakKeyDictionary[EventBus, EventHub] = weakref.WeakKeyDictionary()
