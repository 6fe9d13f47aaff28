"""The store's methods for untouched sessions, which retention removes."""

from __future__ import annotations

from typing import Any

from session_store.history.choice import sessions
from session_store.models import SessionSummary
from session_store.sessions.listing import sessions_at
from session_store.sessions.log import SessionLog


class StoredUntouched:
    """Finds sessions that are neither saved nor running, and were not updated, seen or terminated since a given
    time."""

    log: SessionLog

    def untouched_sessions(self, user_id: str, *, older_than: float, limit: int) -> list[SessionSummary]:
        """Return the first ``limit`` of a user's sessions that were not touched since ``older_than`` (Unix seconds),
        longest untouched first."""
        values, condition = self._untouched(user_id, older_than)
        sql = f"select session_no {condition} order by touched_at, session_no limit {int(limit)}"
        with self.log.database.reading() as cursor:
            numbers = [number for (number,) in cursor.execute(sql, values).fetchall()]
        return sessions_at(self.log.database, self.log.memory, numbers)

    def count_untouched(self, user_id: str, older_than: float) -> int:
        """Count a user's sessions that were not touched since ``older_than`` (Unix seconds)."""
        values, condition = self._untouched(user_id, older_than)
        with self.log.database.reading() as cursor:
            rows = cursor.execute(f"select count(*) {condition}", values).fetchall()
        return int(rows[0][0])

    def _untouched(self, user_id: str, older_than: float) -> tuple[dict[str, Any], str]:
        values: dict[str, Any] = {"user": user_id, "older_than": older_than}
        touched = "greatest(created_at, updated_at, seen_at, coalesce(terminated_at, 0))"
        source = f"select *, {touched} as touched_at from ({sessions(self.log.memory, values)})"
        return values, (
            f"from ({source}) where user_id = $user and not saved and touched_at < $older_than and session_no not in "
            "(select session_no from turns where status in ('queued', 'running', 'paused') and not rewound)"
        )
