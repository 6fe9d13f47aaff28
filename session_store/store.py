"""The store: everything Colloquy keeps, in one DuckDB file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from session_store.models import Page, SessionKey, SessionSummary, StoredEvent, TitleSource, Turn, TurnStatus


class Store:
    """Sessions, events and turns of one data file.

    Thread-safe. Reads run on cursors of their own and never wait for a write. A method that writes returns when the
    write is durable (it survives ``kill -9``). Keyset cursors (``before``, ``Page.next``) are opaque strings.
    """

    def __init__(self, path: str | Path) -> None:
        """Open (or create and migrate) the file.

        Raises:
            StoreLockedError, StoreTooNewError, StoreDamagedError, StoreNotWritableError, StoreFullError
        """
        raise NotImplementedError

    def close(self) -> None:
        """Finish pending writes and release the file. May be called twice."""
        raise NotImplementedError

    # -- sessions ------------------------------------------------------------------------------------------------------

    def create_session(self, key: SessionKey, *, model: str | None = None) -> SessionSummary:
        """Create an empty session. Raises AlreadyExistsError (ADK's) for a key in use."""
        raise NotImplementedError

    def get_session(self, session_id: str) -> SessionSummary | None:
        """The session with this id, whatever its application and user; None if there is none or it was deleted."""
        raise NotImplementedError

    def list_sessions(
        self,
        user_id: str,
        *,
        app_name: str | None = None,
        saved: bool | None = None,
        search: str = "",
        before: str | None = None,
        limit: int = 30,
    ) -> Page[SessionSummary]:
        """Sessions of a user, newest update first. ``search`` is a plain substring, case-insensitive, of the title or
        of the text of any message."""
        raise NotImplementedError

    def rename_session(self, key: SessionKey, title: str, source: TitleSource) -> bool:
        """Set the title unless a stronger source wrote the present one. Returns whether it was set."""
        raise NotImplementedError

    def set_saved(self, keys: Iterable[SessionKey], saved: bool) -> None:
        """Mark sessions as worth keeping, or no longer."""
        raise NotImplementedError

    def set_model(self, key: SessionKey, model: str) -> None:
        """Choose the model of the session's next turns."""
        raise NotImplementedError

    def mark_seen(self, key: SessionKey) -> None:
        """Remember that a person has looked at the session now. Writes nothing if it was not unseen."""
        raise NotImplementedError

    def delete_sessions(self, keys: Iterable[SessionKey]) -> None:
        """Hide sessions. ``restore_sessions`` brings them back until ``purge_deleted`` removes them for good."""
        raise NotImplementedError

    def restore_sessions(self, keys: Iterable[SessionKey]) -> None:
        """Bring hidden sessions back."""
        raise NotImplementedError

    def purge_deleted(self, *, older_than: float) -> list[SessionKey]:
        """Remove, with everything that belongs to them, the sessions that were hidden more than ``older_than`` seconds
        ago. Returns what was removed."""
        raise NotImplementedError

    # -- events --------------------------------------------------------------------------------------------------------

    def list_events(
        self,
        key: SessionKey,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
        include_rewound: bool = False,
    ) -> list[StoredEvent]:
        """Events in order of append (oldest first), cut to the newest ``limit`` with ``after < seq < before``."""
        raise NotImplementedError

    # -- turns ---------------------------------------------------------------------------------------------------------

    def create_turn(self, turn: Turn) -> None:
        """Keep a turn. Durable when it returns."""
        raise NotImplementedError

    def update_turn(
        self,
        turn_id: str,
        *,
        status: TurnStatus | None = None,
        model: str | None = None,
        started_at: float | None = None,
        first_token_at: float | None = None,
        ended_at: float | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        error: str | None = None,
    ) -> None:
        """Set the given fields; None leaves a field alone. Ending a turn also drops its chunks (see append_chunks)."""
        raise NotImplementedError

    def get_turn(self, turn_id: str) -> Turn | None:
        """The turn, or None."""
        raise NotImplementedError

    def get_turns(self, turn_ids: Iterable[str]) -> dict[str, Turn]:
        """Those of the given turns that exist, by id."""
        raise NotImplementedError

    def list_unfinished_turns(self, key: SessionKey | None = None) -> list[Turn]:
        """Turns that are queued, running or paused, in order of creation; of one session, or of all."""
        raise NotImplementedError

    def append_chunks(self, chunks: Mapping[str, str]) -> None:
        """Append what running turns said since the last call, by turn id, in one transaction.

        They exist to give back the partial text of a turn whose process died, and go when the turn ends."""
        raise NotImplementedError

    def partial_text(self, turn_id: str) -> str:
        """What ``append_chunks`` kept of a turn, joined."""
        raise NotImplementedError
