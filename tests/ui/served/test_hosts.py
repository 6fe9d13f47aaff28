"""The host names under which the app answers."""

import pytest
from streamlit import config

from colloquy.ui.served.hosts import ADDRESS, HOSTS, expect_known_hosts, is_host_allowed


@pytest.fixture
def ask():
    """Whether the app answers under a name; ``address`` is the address it listens on."""
    before = {name: config.get_option(name) for name in (ADDRESS, HOSTS)}

    def asked(host, *, address="127.0.0.1", allowed=()):
        config.set_option(ADDRESS, address)
        config.set_option(HOSTS, list(allowed))
        expect_known_hosts()
        return is_host_allowed(host)

    yield asked
    for name, value in before.items():
        config.set_option(name, value)


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "127.0.0.1:8501", "[::1]:8501", "chat.localhost"])
def test_this_machine_has_several_names(ask, host):
    assert ask(host)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "localhost.evil.example", "127.0.0.1@evil", ""])
def test_a_site_that_rebinds_dns_reads_nothing(ask, host):
    assert not ask(host)


@pytest.mark.parametrize("address", ["127.0.0.2", "::1", "localhost"])
def test_an_address_of_this_machine_allows_only_its_own_names(ask, address):
    assert not ask("evil.example", address=address)
    assert ask(f"[{address}]:8501" if ":" in address else f"{address}:8501", address=address)
    assert ask("localhost:8501", address=address)


@pytest.mark.parametrize("host", ["chat.example.com", "localhost:8501"])
def test_the_name_of_a_proxy_can_be_added(ask, host):
    assert ask(host, allowed=["chat.example.com"])


@pytest.mark.parametrize("address", ["0.0.0.0", None])
def test_any_name_is_allowed_when_listening_on_the_network(ask, address):
    assert ask("desk.example.com", address=address)
