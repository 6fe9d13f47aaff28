import gc
import threading

from colloquy.runtime.bus import BusEvent, EventBus, EventKind
from session_store.models import SessionKey, TurnStatus

KEY = SessionKey("a", "u", "s")
EVENT = BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "word")


def chunk(text):
    return BusEvent(EventKind.AGENT_CHUNK, KEY, "t", text)


def texts(published):
    return [one.event.text for one in published]


def test_every_listener_gets_every_event_until_it_unsubscribes():
    bus, heard, other = EventBus(), [], []
    leave = bus.subscribe(heard.append)
    bus.subscribe(other.append)
    bus.publish(EVENT)
    leave()
    bus.publish(EVENT)
    assert (len(heard), len(other)) == (1, 2)


def test_events_are_numbered_from_one_and_can_be_read_from_any_number():
    bus = EventBus()
    for text in "abc":
        bus.publish(chunk(text))
    assert [one.number for one in bus.since(0)] == [1, 2, 3]
    assert texts(bus.since(1)) == ["b", "c"]
    assert bus.since(3) == []
    assert bus.last == 3


def test_numbers_increase_by_one_across_threads():
    bus, together = EventBus(), threading.Barrier(4)

    def publish():
        together.wait()
        for _ in range(500):
            bus.publish(EVENT)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.number for one in bus.since(0)] == [*range(1, 2001)]


def test_events_are_kept_whole_and_slow_down_no_garbage_collection():
    events = [
        BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "word", event_id="e", author="a", is_thought=True),
        BusEvent(EventKind.TURN_CHANGED, KEY, "t", status=TurnStatus.FAILED, is_done=True),
        BusEvent(EventKind.WORKSPACES_CHANGED, KEY),
    ]
    bus = EventBus()
    for event in events:
        bus.publish(event)
    assert [one.event for one in bus.since(0)] == events
    gc.collect()
    assert not any(map(gc.is_tracked, bus._kept))


def test_only_the_latest_events_are_kept_and_a_gap_is_reported():
    bus = EventBus(most_events=3)
    for text in "abcde":
        bus.publish(chunk(text))
    assert texts(bus.since(2)) == ["c", "d", "e"]
    assert bus.since(1) is None
    assert bus.since(0) is None


def test_large_texts_are_dropped_when_room_runs_out():
    bus = EventBus(most_bytes=10_000)
    for text in ("a" * 4000, "b" * 4000, "c" * 4000):
        bus.publish(chunk(text))
    assert [text[0] for text in texts(bus.since(1))] == ["b", "c"]
    assert bus.since(0) is None
    bus.publish(chunk("d" * 20_000))
    assert bus.since(3) is None
    assert bus.since(4) == []
    bus.publish(chunk("e"))
    assert texts(bus.since(4)) == ["e"]


def test_a_future_event_number_is_unknown():
    bus = EventBus()
    bus.publish(EVENT)
    assert bus.since(2) is None


def test_the_bus_reports_how_far_behind_a_reader_is():
    bus = EventBus(most_events=10, most_bytes=100_000)
    for _ in range(5):
        bus.publish(EVENT)
    assert bus.lag(5) == 0
    assert bus.lag(0) == 0.5
    bus.publish(chunk("x" * 80_000))
    assert 0.8 < bus.lag(5) < 0.9
    for _ in range(10):
        bus.publish(EVENT)
    assert bus.lag(5) == float("inf")


def test_each_bus_has_its_own_epoch():
    assert EventBus().epoch != EventBus().epoch
