"""A site whose own name leads to this machine gets at nothing: not at pages, not at the API, not at what is live."""

from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.servers import Server

pytestmark = pytest.mark.upstream

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


@pytest.mark.parametrize(("name", "status"), [(REBOUND, 403), (None, 101)])
def test_a_live_connection_under_a_foreign_name_is_refused(server, name, status):
    here = urlsplit(server.url).netloc
    name = name or here
    asking = {"Host": name, "Origin": f"http://{name}", "Connection": "Upgrade", "Upgrade": "websocket"}
    asking |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    with closing(HTTPConnection(here)) as connection:
        connection.request("GET", "/_stcore/stream", headers=asking)
        assert connection.getresponse().status == status
