"""Private parts of ADK that its own session services use. Valid for google-adk 2.13; tests marked ``upstream`` run when
the pins move. Worth asking ADK for: public names for these."""

from __future__ import annotations

from google.adk.errors._stale_session_error import StaleSessionError
from google.adk.events._internal_metadata import public_event
from google.adk.sessions import Session
from google.adk.sessions import _session_util as adk_session_util

__all__ = ["StaleSessionError", "adk_session_util", "public_event", "revision_of", "set_revision"]


def revision_of(session: Session) -> int | None:
    """Return the revision at which ``session`` was read from the store."""
    marker = session._storage_update_marker
    return int(marker) if marker else None


def set_revision(session: Session, revision: int) -> None:
    """Record which revision of the stored session ``session`` is."""
    session._storage_update_marker = str(revision)
