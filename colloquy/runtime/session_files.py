"""The files that belong to sessions, outside the store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from colloquy.runtime.artifacts import Artifacts
from colloquy.runtime.transcripts.logs import TranscriptLogs
from session_store.models import SessionKey


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """Files that agents made, and transcript logs."""

    artifacts: Artifacts
    transcripts: TranscriptLogs

    def forget(self, keys: Collection[SessionKey]) -> None:
        """Remove all files of sessions that are gone for good."""
        self.artifacts.forget_all(keys)
        self.transcripts.forget(keys)
