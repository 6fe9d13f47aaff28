"""The WebSocket that tells pages that there is news."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.api.events import live
from colloquy.api.http.security import HEADERS, security_headers
from colloquy.runtime.application import install
from colloquy.runtime.bus import BusEvent, EventBus, EventKind
from session_store.models import SessionKey

KEY = SessionKey("assistant", "local", "here")
OTHER = SessionKey("assistant", "local", "elsewhere")


class OnlyABus:
    def __init__(self):
        self.bus = EventBus()


@pytest.fixture
def bus():
    application = OnlyABus()
    install(application)
    yield application.bus
    install(None)


@pytest.fixture
def client():
    with TestClient(Starlette(routes=[live.live_route()], middleware=[security_headers])) as client:
        yield client


def test_a_page_hears_of_its_session_and_not_what_was_said(bus, client):
    with client.websocket_connect("/api/live?session=here") as socket:
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, OTHER, "t", "secret"))
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "secret"))
        assert socket.receive_text() == "news"


def test_the_list_of_sessions_hears_of_everything_but_words(bus, client):
    with client.websocket_connect("/api/live") as socket:
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "word"))
        bus.publish(BusEvent(EventKind.TURN_CHANGED, OTHER))
        assert socket.receive_text() == "news"


def test_a_part_of_the_page_can_hear_of_its_session_without_the_words_of_its_answers(bus, client):
    with client.websocket_connect("/api/live?session=here&words=no") as quiet:
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "word"))
        bus.publish(BusEvent(EventKind.TURN_CHANGED, OTHER))
        with client.websocket_connect("/api/live?session=here") as eager:
            bus.publish(BusEvent(EventKind.TURN_CHANGED, KEY))
            assert (eager.receive_text(), quiet.receive_text()) == ("news", "news")


def test_a_page_that_leaves_is_no_longer_told(bus, client):
    with client.websocket_connect("/api/live"):
        assert len(bus._listeners) == 1
    assert not bus._listeners


def test_every_answer_forbids_the_browser_to_load_from_elsewhere(client):
    answer = client.get("/nothing")
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "img-src 'self' data: blob:;" in HEADERS["Content-Security-Policy"]
