"""Remembers how turns ended when the file could not be written, such as on a full disk, until there is space again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from session_store.models import SessionKey, SessionStatus, SessionSummary, Turn, TurnStatus

_BY_WEIGHT: Final = (TurnStatus.RUNNING, TurnStatus.PAUSED, TurnStatus.QUEUED)
"""Which of its unfinished turns decides the status of a session."""


@dataclass(frozen=True, slots=True)
class _End:
    key: SessionKey
    status: TurnStatus
    ended_at: float
    error: str | None


class KnownEnds(dict[str, _End]):
    """The ends of turns, by turn id."""

    def turn(self, stored: Turn) -> Turn:
        """Return a turn with the end that is known here, if any."""
        end = self.get(stored.id)
        if end is None or stored.status.is_over:
            return stored
        return replace(stored, status=end.status, ended_at=end.ended_at, error=end.error)


class UnkeptEnds:
    """Turn ends that are known only in memory. Every read of a turn or its session includes them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[str, _End] = {}

    def add(self, turn: Turn, status: TurnStatus, ended_at: float, error: str | None) -> None:
        """Record the end of a turn that the file does not have yet."""
        with self._lock:
            self._ends[turn.id] = _End(turn.key, status, ended_at, error)

    def remove(self, turn_id: str) -> None:
        """Forget the end of a turn, because the file has it now."""
        with self._lock:
            self._ends.pop(turn_id, None)

    def known(self) -> KnownEnds:
        """Return the ends known now. Call this before reading the file, which may contain one of them a moment
        later."""
        with self._lock:
            return KnownEnds(self._ends)

    def session(self, stored: SessionSummary, unfinished: Callable[[SessionKey], list[Turn]]) -> SessionSummary:
        """Return a session with the ends that are known here; ``unfinished`` returns its turns that are not over."""
        with self._lock:
            ends = [end.status for end in self._ends.values() if end.key == stored.key]
        if not ends:
            return stored
        waiting = [turn.status for turn in unfinished(stored.key)]
        idle = SessionStatus.IDLE if stored.terminated_at is None else SessionStatus.TERMINATED
        status = next((SessionStatus(one.value) for one in _BY_WEIGHT if one in waiting), idle)
        is_known = stored.last_turn is not None and stored.last_turn.is_over
        return replace(stored, status=status, last_turn=stored.last_turn if is_known else [*ends, *waiting][-1])
