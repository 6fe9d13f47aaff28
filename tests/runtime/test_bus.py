from runtime.bus import BusEvent, EventBus, Happening
from session_store.models import SessionKey

EVENT = BusEvent(Happening.AGENT_CHUNK, SessionKey("a", "u", "s"), "t", "word")


def test_every_listener_hears_every_event_until_it_leaves():
    bus, heard, other = EventBus(), [], []
    leave = bus.subscribe(heard.append)
    bus.subscribe(other.append)
    bus.publish(EVENT)
    leave()
    bus.publish(EVENT)
    assert (len(heard), len(other)) == (1, 2)
