"""The WebSocket that notifies pages."""

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


def test_a_page_is_notified_about_its_session_without_the_text(bus, client):
    with client.websocket_connect("/api/live?session=here") as socket:
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, OTHER, "t", "secret"))
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "secret"))
        assert socket.receive_text() == "news"


def test_the_list_of_sessions_is_notified_of_everything_except_text(bus, client):
    with client.websocket_connect("/api/live") as socket:
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "word"))
        bus.publish(BusEvent(EventKind.TURN_CHANGED, OTHER))
        assert socket.receive_text() == "news"


def test_a_part_of_the_page_can_skip_notifications_about_text(bus, client):
    with client.websocket_connect("/api/live?session=here&words=no") as quiet:
        bus.publish(BusEvent(EventKind.AGENT_CHUNK, KEY, "t", "word"))
        bus.publish(BusEvent(EventKind.TURN_CHANGED, OTHER))
        with client.websocket_connect("/api/live?session=here") as eager:
            bus.publish(BusEvent(EventKind.TURN_CHANGED, KEY))
            assert (eager.receive_text(), quiet.receive_text()) == ("news", "news")


def test_a_page_that_disconnects_is_no_longer_notified(bus, client):
    with client.websocket_connect("/api/live"):
        assert len(bus._listeners) == 1
    assert not bus._listeners


def test_every_response_forbids_loading_from_other_origins(client):
    answer = client.get("/nothing")
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "img-src 'self' data: blob:;" in HEADERS["Content-Security-Policy"]
