"""Under which names the app answers: a site can have a name of its own lead to this machine (DNS rebinding)."""

from __future__ import annotations

import ipaddress
from typing import Final

from streamlit import config

from colloquy.compat.streamlit_server import is_host_allowed

__all__ = ["expect_known_hosts", "is_host_allowed", "listens_on_loopback", "other_origins"]

ADDRESS: Final = "server.address"
HOSTS: Final = "server.allowedHosts"
ORIGINS: Final = "server.corsAllowedOrigins"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def listens_on_loopback() -> bool:
    """Whether nobody but this machine reaches the app."""
    address = str(config.get_option(ADDRESS) or "")
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address in LOOPBACK


def expect_known_hosts() -> None:
    """Where the app listens on this machine only, have Streamlit accept the names of this machine, and those that
    somebody set: of a proxy in front of the app."""
    if listens_on_loopback():
        known = (*LOOPBACK, "*.localhost", config.get_option(ADDRESS))
        config.set_option(HOSTS, [*config.get_option(HOSTS), *known])


def other_origins() -> set[str]:
    """Origins of the app besides the host that a request names: those that somebody set for a proxy in front of it."""
    return {str(origin).strip() for origin in config.get_option(ORIGINS)}
