"""Under which names the app answers."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import config

from ui.hosts import ADDRESS, HOSTS, expect_known_hosts, known_hosts


@pytest.fixture
def ask():
    """Asks for the page under a name; ``address`` is what the app listens on."""
    before = {name: config.get_option(name) for name in (ADDRESS, HOSTS)}

    def asked(host, *, address="127.0.0.1", allowed=()):
        config.set_option(ADDRESS, address)
        config.set_option(HOSTS, list(allowed))
        expect_known_hosts()
        page = Route("/", lambda _: PlainTextResponse("chats"))
        with TestClient(Starlette(routes=[page], middleware=[known_hosts])) as client:
            return client.get("/", headers={"Host": host})

    yield asked
    for name, value in before.items():
        config.set_option(name, value)


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "127.0.0.1:8501", "[::1]:8501", "chat.localhost"])
def test_this_machine_has_several_names(ask, host):
    assert ask(host).text == "chats"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "localhost.evil.example", "127.0.0.1@evil", ""])
def test_a_site_whose_name_leads_here_reads_nothing(ask, host):
    answer = ask(host)
    assert answer.status_code == 421
    assert "allowedHosts" in answer.text
    assert "chats" not in answer.text.replace("your chats", "")


@pytest.mark.parametrize("address", ["127.0.0.2", "::1", "localhost"])
def test_each_address_of_this_machine_is_of_this_machine_alone(ask, address):
    assert ask("evil.example", address=address).status_code == 421
    assert ask(f"[{address}]:8501" if ":" in address else f"{address}:8501", address=address).text == "chats"
    assert ask("localhost:8501", address=address).text == "chats"


@pytest.mark.parametrize("host", ["chat.example.com", "localhost:8501"])
def test_a_name_of_a_proxy_can_be_added(ask, host):
    assert ask(host, allowed=["chat.example.com"]).text == "chats"


@pytest.mark.parametrize("address", ["0.0.0.0", None])
def test_who_opens_it_to_the_network_decides_on_names_alone(ask, address):
    assert ask("desk.example.com", address=address).text == "chats"
