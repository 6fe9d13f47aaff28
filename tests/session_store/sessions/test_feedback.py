"""Users' feedback on answers."""

from __future__ import annotations

from session_store import Store
from session_store.models import SessionKey
from tests.session_store.events import append, said

KEY = SessionKey("agent", "ann", "one")


def test_thumbs_and_comments_can_be_changed_and_removed(store, path):
    store.create_session(KEY)
    append(store, KEY, said("why?"), said("because", author="agent"), said("so", author="agent"))
    question, answer, more = (stored.event.id for stored in store.list_events(KEY))
    assert store.feedback_of(KEY, [question, answer]) == {}
    assert store.feedback_of(KEY, []) == {}

    assert store.set_feedback(KEY, answer, 1)
    assert store.set_feedback(KEY, answer, -1, "  wrong  ")
    assert store.set_feedback(KEY, more, None, "unsure")
    store.close()

    again = Store(path)
    kept = again.feedback_of(KEY, [question, answer, more])
    assert {name: (one.score, one.comment) for name, one in kept.items()} == {
        answer: (-1, "wrong"),
        more: (None, "unsure"),
    }
    assert kept[answer].event_id == answer
    assert kept[answer].at > 0
    assert again.set_feedback(KEY, answer, None)
    assert list(again.feedback_of(KEY, [answer, more])) == [more]
    again.close()


def test_only_existing_answers_can_be_rated(store):
    store.create_session(KEY)
    append(store, KEY, said("why?"))
    event_id = store.list_events(KEY)[0].event.id

    assert not store.set_feedback(KEY, "no such event", 1)
    assert not store.set_feedback(SessionKey("agent", "ann", "nobody"), event_id, 1)
    store.set_feedback(KEY, event_id, 1)
    store.delete_sessions([KEY])
    assert not store.set_feedback(KEY, event_id, -1)
    assert store.feedback_of(KEY, [event_id]) == {}
    store.restore_sessions([KEY])
    assert store.feedback_of(KEY, [event_id])[event_id].score == 1
