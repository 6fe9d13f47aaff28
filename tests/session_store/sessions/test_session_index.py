"""The list of sessions in memory."""

from types import SimpleNamespace

import pytest

from session_store.models import SessionKey
from session_store.sessions import index
from session_store.sessions.index import SessionIndex


@pytest.mark.parametrize("others", [0, 1, 5], ids=["remembered", "just remembered", "forgotten"])
def test_a_summary_read_before_its_session_changed_is_not_kept_however_much_changed_since(monkeypatch, others):
    monkeypatch.setattr(index, "MOST_CHANGES", 3)
    sessions = SessionIndex()
    sessions.put(SessionKey("assistant", "local", "here"), 1, 1.0, "general")
    read_at, summary = sessions.clock, SimpleNamespace()
    sessions.changed(1)
    for number in range(2, 2 + others):
        sessions.changed(number)
    sessions.keep({1: summary}, read_at)
    assert not sessions.summaries(sessions.numbered([1]))
    sessions.keep({1: summary}, sessions.clock)
    assert sessions.summaries(sessions.numbered([1])) == {1: summary}
    assert len(sessions._changes) <= 3
