"""Conversations are read from the store in batches that fit into little memory."""

import pytest

from session_store.exchange.exports import reading
from session_store.exchange.exports.reading import whole, wholes
from session_store.models import SessionKey
from tests.session_store.events import append, said


@pytest.fixture
def readings(store, monkeypatch):
    """A list that grows by one with each read of the store."""
    found, borrow = [], store.log.database.reading

    def counted():
        found.append(1)
        return borrow()

    monkeypatch.setattr(store.log.database, "reading", counted)
    return found


@pytest.fixture
def keys(store, monkeypatch):
    monkeypatch.setattr(reading, "AT_ONCE", 5)
    keys = [SessionKey("app", f"user {number % 3}", f"chat {number}") for number in range(15)]
    for number, key in enumerate(keys):
        store.sessions.create(key, state={"number": number, "user:name": key.user_id})
        append(store, key, said(f"first of {number}"), said(f"second of {number}"))
        store.labels.set_tags([key], add=[f"tag {number}", "all"])
    return keys


def test_conversations_are_read_completely_and_in_the_requested_order(store, keys):
    wanted = [*reversed(keys[3:13]), SessionKey("app", "ann", "nobody"), keys[0]]

    found = list(wholes(store, wanted))

    assert [conversation.about.key for conversation in found] == [*reversed(keys[3:13]), keys[0]]
    assert found == [whole(store, conversation.about.key) for conversation in found]
    assert {conversation.about.state["number"] for conversation in found} == {0, *range(3, 13)}
    assert all(
        conversation.about.tags == ("all", f"tag {conversation.about.state['number']}") for conversation in found
    )
    assert all(conversation.about.user_state == {"name": conversation.about.key.user_id} for conversation in found)


def test_many_conversations_take_few_queries(store, keys, readings):
    assert len(list(wholes(store, keys))) == len(keys)
    assert len(readings) <= 1 + len(keys) / reading.AT_ONCE


def test_large_conversations_are_read_one_at_a_time(store, keys, readings, monkeypatch):
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", 100)  # less than two events

    assert len(list(wholes(store, keys))) == len(keys)
    assert len(readings) >= len(keys)
