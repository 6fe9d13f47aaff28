"""A site whose own name leads to this machine gets at nothing: not at pages, not at the API, not at what is live."""

from contextlib import closing
from socket import create_connection
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.servers import Server

REBOUND = "evil.example:8501"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("names") / "data").start()
    with closing(server):
        yield server


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/api/v1/conversations", "/api/v1/events", "/adk/list-apps"])
def test_a_request_under_a_foreign_name_is_refused(server, path):
    with httpx.stream("GET", server.url + path, headers={"Host": REBOUND}) as answer:
        assert answer.status_code == 421
    with httpx.stream("GET", server.url + path) as answer:
        assert answer.status_code == 200


def test_a_live_connection_under_a_foreign_name_is_refused(server):
    here = urlsplit(server.url)

    def live(name):
        socket = create_connection((here.hostname, here.port))
        return connect(f"ws://{name}/_stcore/stream", sock=socket, origin=f"http://{name}")

    with pytest.raises(InvalidStatus) as refused, live(REBOUND):
        pass
    assert refused.value.response.status_code == 403
    with live(here.netloc):
        pass
