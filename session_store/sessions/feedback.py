"""Feedback on answers."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Literal

from session_store.engine.transaction import Transaction
from session_store.models import Feedback, SessionKey
from session_store.sessions.log import SessionLog


class StoredFeedback:
    """The part of the store that keeps feedback."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def set(self, key: SessionKey, event_id: str, score: Literal[1, -1] | None, comment: str = "") -> bool:
        """Save the user's feedback on an answer, replacing earlier feedback. Without score and comment, only remove it.

        Returns whether the session has such an event; if not, nothing was saved.
        """
        kept = comment.strip()

        def work(transaction: Transaction) -> bool:
            head = transaction.head(key)
            if head is None or head.deleted:
                return False
            place = [head.session_no, event_id]
            if not transaction.rows("select 1 from events where session_no = $1 and id = $2", place):
                return False
            transaction.execute("delete from feedback where session_no = $1 and event_id = $2", place)
            if score is not None or kept:
                values = [*place, score, kept, time.time()]
                transaction.execute("insert into feedback values ($1, $2, $3, $4, $5)", values)
            return True

        return self._log.writer.submit(work).result()

    def of_events(self, key: SessionKey, event_ids: Iterable[str]) -> dict[str, Feedback]:
        """Return the feedback on a session's events, by event id."""
        wanted = list(event_ids)
        if not wanted:
            return {}
        rows = self._log.database.rows(
            "select event_id, score, comment, given_at from feedback where session_no = ("
            "select session_no from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null) "
            "and event_id in (select unnest($4::varchar[]))",
            [key.app_name, key.user_id, key.session_id, wanted],
        )
        return {row[0]: Feedback(*row) for row in rows}
