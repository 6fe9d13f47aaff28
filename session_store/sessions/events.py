"""Events as the store offers them: a page of a session, or all of a turn."""

from __future__ import annotations

import builtins

from session_store.models import SessionKey, StoredEvent, Turn
from session_store.sessions.cache import CachedEvent
from session_store.sessions.log import SessionLog


class StoredEvents:
    """The part of the store that reads events. Only ADK's session service and imports append them."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def list(
        self,
        key: SessionKey,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
        include_rewound: bool = False,
        oldest: bool = False,
    ) -> builtins.list[StoredEvent]:
        """List events in append order (oldest first) with ``after < seq < before``, limited to the newest ``limit`` or,
        with ``oldest``, to the oldest."""
        low = 0 if after is None else after
        high = 2**62 if before is None else before
        known = self._log.recall(key)
        if known is not None:
            wanted = [e for e in known.events if low < e.seq < high and (include_rewound or not e.rewound)]
            cut = wanted[:limit] if oldest else wanted[-limit:]
            return [event.stored() for event in cut] if limit else []
        rows = self._log.database.rows(
            "select seq, data, rewound from events where session_no = ("
            "select session_no from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null) "
            f"and seq > $4 and seq < $5 and (not rewound or $6) order by seq {'asc' if oldest else 'desc'} limit $7",
            [key.app_name, key.user_id, key.session_id, low, high, include_rewound, limit],
        )
        return [CachedEvent(seq, data, rewound=rewound).stored() for seq, data, rewound in sorted(rows)]

    def of_turn(self, turn: Turn) -> builtins.list[StoredEvent]:
        """List all events of a turn in append order, including those that were taken back."""
        rows = self._log.database.rows(
            "select seq, data, rewound from events where session_no = ("
            "select session_no from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null) "
            "and invocation_id = $4 order by seq",
            [turn.key.app_name, turn.key.user_id, turn.key.session_id, turn.id],
        )
        return [CachedEvent(seq, data, rewound=rewound).stored() for seq, data, rewound in rows]

    def around(self, key: SessionKey, event_id: str, limit: int = 50) -> builtins.list[StoredEvent]:
        """List at most ``limit`` events in append order around this one, centered if there are enough on both sides.
        Empty if the event does not exist. ``list`` continues in both directions."""
        rows = self._log.database.rows(
            "select seq from events where id = $4 and session_no = (select session_no from sessions "
            "where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null)",
            [key.app_name, key.user_id, key.session_id, event_id],
        )
        if not rows or limit < 1:
            return []
        later = self.list(key, after=rows[0][0] - 1, limit=limit, oldest=True)
        earlier = self.list(key, before=rows[0][0], limit=max(limit // 2, limit - len(later)))
        return [*earlier, *later[: limit - len(earlier)]]
