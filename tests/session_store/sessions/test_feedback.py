"""Users' feedback on answers."""

from __future__ import annotations

from session_store import Store
from session_store.models import SessionKey
from tests.session_store.events import append, said

KEY = SessionKey("agent", "ann", "one")


def test_thumbs_and_comments_can_be_changed_and_removed(store, path):
    store.sessions.create(KEY)
    append(store, KEY, said("why?"), said("because", author="agent"), said("so", author="agent"))
    question, answer, more = (stored.event.id for stored in store.events.list(KEY))
    assert store.feedback.of_events(KEY, [question, answer]) == {}
    assert store.feedback.of_events(KEY, []) == {}

    assert store.feedback.set(KEY, answer, 1)
    assert store.feedback.set(KEY, answer, -1, "  wrong  ")
    assert store.feedback.set(KEY, more, None, "unsure")
    store.close()

    again = Store(path)
    kept = again.feedback.of_events(KEY, [question, answer, more])
    assert {name: (one.score, one.comment) for name, one in kept.items()} == {
        answer: (-1, "wrong"),
        more: (None, "unsure"),
    }
    assert kept[answer].event_id == answer
    assert kept[answer].at > 0
    assert again.feedback.set(KEY, answer, None)
    assert list(again.feedback.of_events(KEY, [answer, more])) == [more]
    again.close()


def test_only_existing_answers_can_be_rated(store):
    store.sessions.create(KEY)
    append(store, KEY, said("why?"))
    event_id = store.events.list(KEY)[0].event.id

    assert not store.feedback.set(KEY, "no such event", 1)
    assert not store.feedback.set(SessionKey("agent", "ann", "nobody"), event_id, 1)
    store.feedback.set(KEY, event_id, 1)
    store.sessions.delete([KEY])
    assert not store.feedback.set(KEY, event_id, -1)
    assert store.feedback.of_events(KEY, [event_id]) == {}
    store.sessions.restore([KEY])
    assert store.feedback.of_events(KEY, [event_id])[event_id].score == 1
