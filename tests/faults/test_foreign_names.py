"""Another site reaches nothing, by its own name or by DNS rebinding: no pages, no API, no live connections."""

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
def test_a_request_with_a_foreign_host_name_is_refused(server, path):
    with httpx.stream("GET", server.url + path, headers={"Host": REBOUND}) as answer:
        assert answer.status_code == 421
    with httpx.stream("GET", server.url + path) as answer:
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/_stcore/stream", "/api/live"])
@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Origin": "http://{host}"}, 101),
        ({"Origin": f"http://{REBOUND}", "Host": REBOUND}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "http://127.0.0.1:8626"}, 403),
        ({"Origin": "https://{host}"}, 403),
        ({"Origin": "https://{host}", "X-Forwarded-Proto": "https"}, 101),
    ],
)
def test_only_the_own_page_may_open_a_live_connection(server, path, more, status):
    """Behind a proxy on this machine that ends TLS, the page has another scheme, given in ``X-Forwarded-Proto``."""
    here = urlsplit(server.url).netloc
    asking = {"Host": here, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    asking |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **more, "Origin": more["Origin"].format(host=here)}
    with closing(HTTPConnection(here)) as connection:
        connection.request("GET", path, headers=asking)
        assert connection.getresponse().status == status


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/api/v1/conversations", "/adk/list-apps"])
def test_a_page_on_another_port_of_this_machine_reads_nothing(server, path):
    assert httpx.get(server.url + path, headers={"Origin": "http://localhost:3000"}).status_code == 403
