"""Transcript logs: what happens in each session as JSON Lines, for ``tail -f`` and for queries.

They are a convenience: the store is authoritative. So nothing waits for them, and if they cannot be written, chats go
on.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from google.adk.events.event import Event

from colloquy.runtime.transcripts import files
from colloquy.runtime.transcripts.lines import CHUNK, END, Line, event_lines, header, line, turn_end, written
from session_store import Store
from session_store.errors import StoreError
from session_store.models import SessionKey, TurnStatus

WRITE_EVERY = 0.2
"""Seconds for which chunks are collected: they become one line, and one write."""

TRY_AGAIN_AFTER = 5.0
"""Seconds between attempts to write after a failure."""

MOST_WAITING = 32 * 2**20
"""Approximate bytes that may wait to be written. Lines beyond that are lost, and the log says so."""

LINE_SIZE = 300
"""Approximate bytes that a line takes besides its text."""

log = structlog.get_logger()

Task = Callable[[], None]


@dataclass(slots=True)
class _Unwritten:
    """Lines of a session, and their approximate size in bytes when they were added."""

    lines: list[Line] = field(default_factory=list)
    size: int = 0

    def add(self, new: Line) -> None:
        """Add a line; a chunk that continues the previous line is joined to it."""
        self.size += _size(new)
        last = self.lines[-1] if self.lines else None
        if last and last["type"] == new["type"] == CHUNK and last["event_id"] == new["event_id"]:
            last["text"] += new["text"]
        else:
            self.lines.append(new)


class TranscriptLogs:
    """One log for each stretch of activity of a session: opened at its first line, and closed when the session is
    terminated or moved to another workspace, or the app ends.

    Thread-safe. Only ``flush`` and ``close`` block: a separate thread writes.
    """

    def __init__(self, folder: Path, store: Store, *, enabled: bool = True) -> None:
        """``enabled`` says whether anything is written; removing logs always works."""
        self._folder = folder
        self._store = store
        self._enabled = enabled
        self._news = threading.Condition()
        self._hurry = threading.Event()
        self._queue: list[tuple[SessionKey, Line] | Task] = []
        self._waiting = 0
        self._lost: Counter[SessionKey] = Counter()
        self._closing = False
        self._unwritten: dict[SessionKey, _Unwritten] = {}
        self._open: dict[SessionKey, tuple[Path, int]] = {}
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="transcript logs", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why nothing can be written now, as a sentence for a person; None if all is well."""
        return self._problem

    def chunk(self, key: SessionKey, turn_id: str, event_id: str, author: str, text: str) -> None:
        """Log a chunk that a running turn said."""
        if self._enabled:
            self._put(key, [line(CHUNK, key.session_id, turn_id, event_id=event_id, author=author, text=text)])

    def event(self, key: SessionKey, event: Event) -> None:
        """Log a stored event."""
        if self._enabled:
            self._put(key, event_lines(key, event))

    def turn_ended(self, key: SessionKey, turn_id: str, status: TurnStatus, error: str | None) -> None:
        """Log the end of a turn."""
        if self._enabled:
            self._put(key, [turn_end(key, turn_id, status, error)])

    def finish(self, keys: Iterable[SessionKey], reason: str) -> None:
        """Close the logs of sessions, with the reason in the last line. Later lines open new logs."""
        wanted = list(keys)
        self._do(lambda: self._finish(wanted, reason))

    def delete(self, keys: Collection[SessionKey]) -> None:
        """Delete the logs of sessions that are gone for good."""
        wanted = frozenset(keys)
        if wanted:
            self._do(lambda: self._delete(wanted))

    def flush(self) -> None:
        """Wait until all earlier lines are written, or could not be."""
        done = threading.Event()
        self._do(done.set)
        while not done.wait(1.0) and self._thread.is_alive():
            pass

    def close(self) -> None:
        """Write what is waiting, and close all logs."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._hurry.set()
        self._thread.join()

    # -- handing over --------------------------------------------------------------------------------------------------

    def _put(self, key: SessionKey, lines: Iterable[Line]) -> None:
        with self._news:
            if not self._queue:
                self._news.notify()
            for one in lines:
                size = _size(one)
                if self._waiting + size > MOST_WAITING:
                    self._lost[key] += 1
                    continue
                self._waiting += size
                self._queue.append((key, one))

    def _do(self, task: Task) -> None:
        with self._news:
            self._queue.append(task)
            self._news.notify()
        self._hurry.set()

    # -- the writing thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._repair()
        while self._wait():
            self._take()
            self._write()
        self._take()
        self._finish([*self._open, *self._unwritten], "closed")
        self._write()

    def _wait(self) -> bool:
        """Wait for something to do; returns False when it is time to end."""
        with self._news:
            self._news.wait_for(lambda: self._queue or self._closing, TRY_AGAIN_AFTER if self._unwritten else None)
            if self._closing:
                return False
        self._hurry.wait(WRITE_EVERY)
        self._hurry.clear()
        return True

    def _take(self) -> None:
        """Process the queue: sort lines by session, and run tasks in their place."""
        with self._news:
            queue, self._queue = self._queue, []
        for item in queue:
            if isinstance(item, tuple):
                self._unwritten.setdefault(item[0], _Unwritten()).add(item[1])
            else:
                self._write()
                item()

    def _write(self) -> None:
        failed = False
        for key, unwritten in [*self._unwritten.items()]:
            try:
                self._write_lines(key, unwritten.lines)
            except (OSError, StoreError) as error:
                self._failed(error)
                failed = True
                continue
            # One bad line must not stop all other logs.
            except Exception:
                log.warning("lines of a transcript log were lost", session=key.session_id, exc_info=True)
            self._drop(key)
        if self._problem and not failed:
            self._problem = None
            log.info("transcript logs can be written again", folder=str(self._folder))

    def _drop(self, key: SessionKey) -> None:
        if unwritten := self._unwritten.pop(key, None):
            with self._news:
                self._waiting -= unwritten.size

    def _write_lines(self, key: SessionKey, lines: list[Line]) -> None:
        with self._news:
            lost = self._lost.pop(key, 0)
        if lost:
            lines.append(line("gap", key.session_id, lost=lost))
        while lines:
            end = next((number for number, one in enumerate(lines, 1) if one["type"] == END), len(lines))
            self._append(key, lines[:end])
            if lines[end - 1]["type"] == END:
                self._open.pop(key, None)
            del lines[:end]

    def _append(self, key: SessionKey, lines: list[Line]) -> None:
        if key in self._open:
            path, size = self._open[key]
            data = written(lines)
            try:
                files.append(path, size, data)
            except FileNotFoundError:  # someone deleted the file
                del self._open[key]
            else:
                self._open[key] = path, size + len(data)
                return
        session = self._store.sessions.find(key)
        if session is None or [one["type"] for one in lines] == [END]:
            return  # a deleted session, or an end without a beginning
        names = {workspace.id: workspace.name for workspace in self._store.workspaces.list()}
        data = written([header(session, names.get(session.workspace_id, ""), lines[0]), *lines])
        self._open[key] = files.create(self._folder, key.session_id, session.workspace_id, data), len(data)

    def _finish(self, keys: Iterable[SessionKey], reason: str) -> None:
        for key in dict.fromkeys(keys):
            if key in self._open or key in self._unwritten:
                end = line(END, key.session_id, reason=reason)
                self._unwritten.setdefault(key, _Unwritten()).lines.append(end)

    def _delete(self, keys: frozenset[SessionKey]) -> None:
        for key in keys:
            self._open.pop(key, None)
            self._drop(key)
        for path in [*files.logs_of(self._folder, keys)]:
            try:
                path.unlink()
            except OSError as error:
                log.warning("a transcript log could not be removed", path=str(path), error=error.strerror)
            with suppress(OSError):  # fails while the folder still has other logs
                path.parent.rmdir()

    def _repair(self) -> None:
        for path in files.logs_in(self._folder):
            if self._closing:
                return
            try:
                files.repair(path)
            except OSError as error:
                log.warning("a transcript log could not be repaired", path=str(path), error=error.strerror)

    def _failed(self, error: OSError | StoreError) -> None:
        if self._problem is None:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._problem = (
                f"Transcript logs cannot be written to {self._folder}: {reason}. Chats continue and are stored; logging"
                " resumes once this is fixed."
            )
            log.warning("transcript logs cannot be written", folder=str(self._folder), error=reason)


def _size(one: Line) -> int:
    return LINE_SIZE + sum(len(one.get(name) or "") for name in ("text", "args", "response", "state"))
