"""The host names that the app answers to. Without a check, another site could point its name at this machine (DNS
rebinding)."""

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
    """Returns whether only this machine can reach the app."""
    address = str(config.get_option(ADDRESS) or "")
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address in LOOPBACK


def expect_known_hosts() -> None:
    """Limits the accepted host names if the app listens on this machine only.

    Streamlit then accepts the names of this machine, and those in the settings, for example of a proxy in front of the
    app.
    """
    if listens_on_loopback():
        known = (*LOOPBACK, "*.localhost", config.get_option(ADDRESS))
        config.set_option(HOSTS, [*config.get_option(HOSTS), *known])


def other_origins() -> set[str]:
    """Returns the origins of the app besides the requested host: those in the settings, for a proxy in front of the
    app."""
    return {str(origin).strip() for origin in config.get_option(ORIGINS)}
