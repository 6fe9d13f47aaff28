"""Which sessions have been untouched for long, so that retention removes them."""

from __future__ import annotations

import time

from session_store import Store
from session_store.models import SessionKey, TurnStatus
from tests.session_store.events import append, said
from tests.session_store.history.conversations import BREAD, DAY, TIDES, ended

NOW = 2_000_000_000.0
LONG_AGO = 2 * DAY


def age(store: Store, **seconds: float) -> None:
    """Make all sessions look as if they had been started and opened on the first day of 1970, or at the given times."""
    columns = {"created_at": 0.0, "seen_at": 0.0, **seconds}
    changes = ", ".join(f"{column} = {value}" for column, value in columns.items())
    store.log.writer.submit(lambda transaction: transaction.execute(f"update sessions set {changes}")).result()


def untouched(store: Store, older_than: float, *, limit: int = 10) -> list[str]:
    found = store.history.untouched("ann", older_than=older_than, limit=limit)
    assert store.history.count_untouched("ann", older_than) >= len(found)
    return [session.key.session_id for session in found]


def test_sessions_untouched_for_longest_come_first(filled):
    age(filled)
    assert untouched(filled, NOW) == ["tides", "bread"]
    assert untouched(filled, NOW, limit=1) == ["tides"]
    assert untouched(filled, LONG_AGO) == ["tides"]
    assert filled.history.count_untouched("ann", NOW) == 2
    assert untouched(filled, DAY) == []
    assert filled.history.untouched("nobody", older_than=NOW, limit=10) == []


def test_sessions_saved_seen_started_updated_ended_or_deleted_since_are_left_out(filled):
    assert untouched(filled, LONG_AGO) == []
    age(filled, seen_at=NOW)
    assert untouched(filled, NOW) == []
    age(filled)
    filled.sessions.set_saved([TIDES], saved=True)
    append(filled, BREAD, said("Again", turn="b2", timestamp=NOW + 5))
    assert untouched(filled, NOW) == []
    filled.sessions.set_saved([TIDES], saved=False)
    filled.sessions.terminate([TIDES])
    assert untouched(filled, time.time() - 60) == []
    filled.sessions.delete([TIDES])
    assert untouched(filled, NOW + 10) == ["bread"]


def test_an_active_session_counts_as_touched(filled):
    age(filled)
    ended(filled, TIDES, "t3", DAY, TurnStatus.PAUSED)
    assert untouched(filled, NOW) == ["bread"]


def test_opening_a_session_counts_even_without_news(filled):
    filled.sessions.mark_seen(BREAD)
    age(filled)
    filled.sessions.mark_seen(BREAD)
    filled.sessions.mark_seen(SessionKey("analyst", "ann", "nobody"))
    assert untouched(filled, NOW - 1e9) == ["tides"]
