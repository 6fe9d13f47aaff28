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
    found = store.untouched_sessions("ann", older_than=older_than, limit=limit)
    assert store.count_untouched("ann", older_than) >= len(found)
    return [session.key.session_id for session in found]


def test_sessions_untouched_for_longest_come_first(history):
    age(history)
    assert untouched(history, NOW) == ["tides", "bread"]
    assert untouched(history, NOW, limit=1) == ["tides"]
    assert untouched(history, LONG_AGO) == ["tides"]
    assert history.count_untouched("ann", NOW) == 2
    assert untouched(history, DAY) == []
    assert history.untouched_sessions("nobody", older_than=NOW, limit=10) == []


def test_sessions_saved_seen_started_updated_ended_or_deleted_since_are_left_out(history):
    assert untouched(history, LONG_AGO) == []
    age(history, seen_at=NOW)
    assert untouched(history, NOW) == []
    age(history)
    history.set_saved([TIDES], saved=True)
    append(history, BREAD, said("Again", turn="b2", timestamp=NOW + 5))
    assert untouched(history, NOW) == []
    history.set_saved([TIDES], saved=False)
    history.terminate_sessions([TIDES])
    assert untouched(history, time.time() - 60) == []
    history.delete_sessions([TIDES])
    assert untouched(history, NOW + 10) == ["bread"]


def test_an_active_session_counts_as_touched(history):
    age(history)
    ended(history, TIDES, "t3", DAY, TurnStatus.PAUSED)
    assert untouched(history, NOW) == ["bread"]


def test_opening_a_session_counts_even_without_news(history):
    history.mark_seen(BREAD)
    age(history)
    history.mark_seen(BREAD)
    history.mark_seen(SessionKey("analyst", "ann", "nobody"))
    assert untouched(history, NOW - 1e9) == ["tides"]
