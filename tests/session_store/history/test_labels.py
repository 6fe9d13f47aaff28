"""Tags, notes, and terminated sessions."""

from __future__ import annotations

import pytest

from session_store import Store
from session_store.history.errors import HistoryError
from session_store.models import SessionKey, SessionStatus, TurnStatus
from tests.session_store.history.conversations import BREAD, DAY, STARS, TIDES, ended


def test_tags_are_trimmed_and_unique_regardless_of_case(history):
    history.set_tags([TIDES, BREAD], add=[" To do ", "Sea"])
    history.set_tags([TIDES], add=["SEA", "later  on"], remove=["to DO"])

    assert history.tags_of(TIDES) == ("later on", "Sea")
    assert history.tags_of(BREAD) == ("Sea", "To do")
    assert history.all_tags() == {"later on": 1, "Sea": 2, "To do": 1}
    assert history.all_tags("bob") == {}


@pytest.mark.parametrize("tag", ["", "  ", "a,b", "x" * 41, "a\u200eb"])
def test_an_invalid_tag_changes_nothing(history, tag):
    with pytest.raises(HistoryError):
        history.set_tags([TIDES], add=["fine", tag])
    assert history.tags_of(TIDES) == ()


def test_tags_and_notes_survive_a_restart_and_are_deleted_with_their_session(history, path):
    history.set_tags([TIDES, BREAD], add=["sea"])
    history.set_note(TIDES, " Ask again in spring. ")
    history.delete_sessions([TIDES])
    assert (history.tags_of(TIDES), history.note_of(TIDES), history.all_tags()) == ((), "", {"sea": 1})
    history.restore_sessions([TIDES])
    history.close()

    again = Store(path)
    assert (again.tags_of(TIDES), again.note_of(TIDES)) == (("sea",), "Ask again in spring.")
    again.delete_sessions([TIDES])
    again.purge_deleted(older_than=-1)
    assert again.log.database.rows("select count(*) from tags") == [(1,)]
    again.close()


def test_a_note_can_be_removed_and_its_length_is_limited(history):
    history.set_note(TIDES, "x")
    history.set_note(TIDES, "  ")
    assert history.note_of(TIDES) == ""
    with pytest.raises(HistoryError, match="Shorten it"):
        history.set_note(TIDES, "x" * 10_001)
    history.set_note(SessionKey("analyst", "ann", "nobody"), "of what?")
    history.set_note(TIDES, "half a sign: \ud83d")
    assert history.note_of(TIDES) == "half a sign: \ufffd"


def test_a_terminated_session_is_marked_until_its_next_turn(history, path):
    history.terminate_sessions([TIDES, STARS, SessionKey("analyst", "ann", "nobody")])
    ended_at = history.get_session("tides").terminated_at
    history.terminate_sessions([TIDES])

    session = history.get_session("tides")
    assert (session.status, session.terminated_at) == (SessionStatus.TERMINATED, ended_at)
    assert {item.status for item in history.list_sessions("bob").items} == {SessionStatus.TERMINATED}

    history.close()
    again = Store(path)
    assert again.get_session("tides").terminated_at == ended_at
    ended(again, TIDES, "t3", 4 * DAY, TurnStatus.RUNNING)
    assert (again.get_session("tides").status, again.get_session("tides").terminated_at) == ("running", None)
    again.update_turn("t3", status=TurnStatus.STOPPED)
    assert again.get_session("tides").status is SessionStatus.IDLE
    again.close()


def test_an_unfinished_turn_overrides_the_terminated_status(history):
    ended(history, TIDES, "t3", 4 * DAY, TurnStatus.PAUSED)
    history.terminate_sessions([TIDES])
    assert history.get_session("tides").status is SessionStatus.PAUSED
