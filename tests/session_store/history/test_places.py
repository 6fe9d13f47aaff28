"""A part of a conversation around one of its events."""

from __future__ import annotations

import pytest

from session_store import Store
from session_store.models import SessionKey, Turn, TurnStatus
from tests.session_store.events import append, rewind, said, text_of

KEY = SessionKey("agent", "ann", "long")


@pytest.fixture(params=["in memory", "in the file"])
def long(request, store, path):
    store.sessions.create(KEY)
    append(store, KEY, *(said(str(number), turn=f"t{number}") for number in range(20)))
    if request.param == "in memory":
        yield store
        return
    store.close()
    again = Store(path)
    yield again
    again.close()


def shown(events):
    return [int(text_of(stored.event)) for stored in events]


def ids(store):
    return [stored.event.id for stored in store.events.list(KEY)]


@pytest.mark.parametrize(
    ("place", "limit", "expected"),
    [(10, 5, [8, 9, 10, 11, 12]), (10, 4, [8, 9, 10, 11]), (0, 4, [0, 1, 2, 3]), (19, 4, [16, 17, 18, 19]),
     (18, 6, [14, 15, 16, 17, 18, 19]), (1, 6, [0, 1, 2, 3, 4, 5]), (7, 1, [7]), (7, 100, list(range(20))), (7, 0, [])],
)  # fmt: skip
def test_the_event_is_in_the_middle_if_both_sides_have_enough_events(long, place, limit, expected):
    assert shown(long.events.around(KEY, ids(long)[place], limit)) == expected


def test_reading_continues_in_both_directions_without_a_gap(long):
    window = long.events.around(KEY, ids(long)[10], 4)
    assert shown(long.events.list(KEY, before=window[0].seq, limit=3)) == [5, 6, 7]
    assert shown(long.events.list(KEY, after=window[-1].seq, limit=3, oldest=True)) == [12, 13, 14]
    assert shown(long.events.list(KEY, limit=2, oldest=True)) == [0, 1]


def test_nothing_is_found_around_an_unknown_event(long):
    assert long.events.around(KEY, "nothing") == []
    append(long, KEY, rewind("t15"))
    assert shown(long.events.around(KEY, ids(long)[14], 4)) == [11, 12, 13, 14]
    first = ids(long)[0]
    long.sessions.delete([KEY])
    assert long.events.around(KEY, first) == []


def test_a_turn_is_read_completely_even_if_rewound(store):
    store.sessions.create(KEY)
    append(store, KEY, said("0", turn="one"), said("1", turn="one"), said("2", turn="two"))
    one, two = (
        Turn(id=name, key=KEY, status=TurnStatus.COMPLETED, message={}, model=None, created_at=0.0)
        for name in ("one", "two")
    )
    assert shown(store.events.of_turn(one)) == [0, 1]
    append(store, KEY, rewind("two"))
    assert shown(store.events.of_turn(two)) == [2]
    store.sessions.delete([KEY])
    assert store.events.of_turn(one) == []
