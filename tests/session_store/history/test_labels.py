"""Tags, notes, and terminated sessions."""

from __future__ import annotations

import pytest

from session_store import Store
from session_store.errors import HistoryError
from session_store.models import SessionKey, SessionStatus, TurnStatus
from tests.session_store.history.conversations import BREAD, DAY, STARS, TIDES, ended


def test_tags_are_trimmed_and_unique_regardless_of_case(filled):
    filled.labels.set_tags([TIDES, BREAD], add=[" To do ", "Sea"])
    filled.labels.set_tags([TIDES], add=["SEA", "later  on"], remove=["to DO"])

    assert filled.labels.tags(TIDES) == ("later on", "Sea")
    assert filled.labels.tags(BREAD) == ("Sea", "To do")
    assert filled.labels.all_tags() == {"later on": 1, "Sea": 2, "To do": 1}
    assert filled.labels.all_tags("bob") == {}


@pytest.mark.parametrize("tag", ["", "  ", "a,b", "x" * 41, "a\u200eb"])
def test_an_invalid_tag_changes_nothing(filled, tag):
    with pytest.raises(HistoryError):
        filled.labels.set_tags([TIDES], add=["fine", tag])
    assert filled.labels.tags(TIDES) == ()


def test_tags_and_notes_survive_a_restart_and_are_deleted_with_their_session(filled, path):
    filled.labels.set_tags([TIDES, BREAD], add=["sea"])
    filled.labels.set_note(TIDES, " Ask again in spring. ")
    filled.sessions.delete([TIDES])
    assert (filled.labels.tags(TIDES), filled.labels.note(TIDES), filled.labels.all_tags()) == ((), "", {"sea": 1})
    filled.sessions.restore([TIDES])
    filled.close()

    again = Store(path)
    assert (again.labels.tags(TIDES), again.labels.note(TIDES)) == (("sea",), "Ask again in spring.")
    again.sessions.delete([TIDES])
    again.sessions.purge_deleted(older_than=-1)
    assert again.log.database.rows("select count(*) from tags") == [(1,)]
    again.close()


def test_a_note_can_be_removed_and_its_length_is_limited(filled):
    filled.labels.set_note(TIDES, "x")
    filled.labels.set_note(TIDES, "  ")
    assert filled.labels.note(TIDES) == ""
    with pytest.raises(HistoryError, match="Shorten it"):
        filled.labels.set_note(TIDES, "x" * 10_001)
    filled.labels.set_note(SessionKey("analyst", "ann", "nobody"), "of what?")
    filled.labels.set_note(TIDES, "half a sign: \ud83d")
    assert filled.labels.note(TIDES) == "half a sign: \ufffd"


def test_a_terminated_session_is_marked_until_its_next_turn(filled, path):
    filled.sessions.terminate([TIDES, STARS, SessionKey("analyst", "ann", "nobody")])
    ended_at = filled.sessions.get("tides").terminated_at
    filled.sessions.terminate([TIDES])

    session = filled.sessions.get("tides")
    assert (session.status, session.terminated_at) == (SessionStatus.TERMINATED, ended_at)
    assert {item.status for item in filled.sessions.list("bob").items} == {SessionStatus.TERMINATED}

    filled.close()
    again = Store(path)
    assert again.sessions.get("tides").terminated_at == ended_at
    ended(again, TIDES, "t3", 4 * DAY, TurnStatus.RUNNING)
    assert (again.sessions.get("tides").status, again.sessions.get("tides").terminated_at) == ("running", None)
    again.turns.update("t3", status=TurnStatus.STOPPED)
    assert again.sessions.get("tides").status is SessionStatus.IDLE
    again.close()


def test_an_unfinished_turn_overrides_the_terminated_status(filled):
    ended(filled, TIDES, "t3", 4 * DAY, TurnStatus.PAUSED)
    filled.sessions.terminate([TIDES])
    assert filled.sessions.get("tides").status is SessionStatus.PAUSED
