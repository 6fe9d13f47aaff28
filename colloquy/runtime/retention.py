"""Retention: removes sessions that have been neither saved nor touched for a long time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import structlog

from session_store import Store
from session_store.errors import ColloquyError
from session_store.models import SessionKey, SessionSummary

DAY = 86_400.0
"""Seconds."""

EXAMPLES = 5
AT_ONCE = 100
"""Sessions that are removed in one go; a message that arrives then waits for it to finish."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RetentionPreview:
    """What would be removed: the number of sessions, when the longest untouched one was last changed (Unix seconds, or
    None), and some examples, that one first."""

    count: int
    oldest: float | None
    examples: tuple[SessionSummary, ...]


class RetentionDaysError(ColloquyError):
    """A number of days that would remove everything."""


def preview(store: Store, user_id: str, days: int) -> RetentionPreview:
    """Return what ``remove`` would remove. Raises RetentionDaysError."""
    since = _since(days)
    examples = store.history.untouched(user_id, older_than=since, limit=EXAMPLES)
    oldest = examples[0].updated_at if examples else None
    return RetentionPreview(store.history.count_untouched(user_id, since), oldest, tuple(examples))


def remove(
    store: Store,
    user_id: str,
    days: int,
    delete: Callable[[Sequence[SessionKey]], None],
    submissions_blocked: Callable[[], AbstractContextManager[None]],
) -> list[SessionKey]:
    """Delete a user's sessions that have been neither saved nor touched for ``days`` days, while no message can be
    submitted.

    Returns their keys. Raises RetentionDaysError.
    """
    since = _since(days)
    removed: list[SessionKey] = []
    while True:
        with submissions_blocked():
            found = store.history.untouched(user_id, older_than=since, limit=AT_ONCE)
            if not found:
                return removed
            keys = [session.key for session in found]
            delete(keys)
        removed += keys


def _since(days: int) -> float:
    if days < 1:
        raise RetentionDaysError("Give a number of days of at least 1: chats active today are always kept.")
    return time.time() - days * DAY


class Daily:
    """Does something at once and then once a day, on its own thread, until it is closed."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], object]) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, args=[work], name="daily", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the daily work, and wait until the current run ends."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _run(self, work: Callable[[], object]) -> None:
        while not self._ended.is_set():
            try:
                work()
            # Whatever it is, tomorrow is another day.
            except Exception:
                log.warning("the daily maintenance failed", exc_info=True)
            self._ended.wait(DAY)
