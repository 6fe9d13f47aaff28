"""PostgreSQL addresses taken apart: what may be kept anywhere, and the passwords in them."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from colloquy.agents.data.connection import HIDDEN, Connection, ConnectionKind
from colloquy.agents.data.errors import ConnectionInvalidError
from colloquy.runtime.workspaces.passwords import Secret

PASSWORD: Final = "password"  # noqa: S105 - the name of a part of an address
_SECRET_OPTIONS: Final = frozenset({"password", "sslpassword", "passfile", "sslkey", "oauth_client_secret"})
_SERVER_OPTIONS: Final = ("host", "port", "user", "service")
_OPTION: Final = "option "


def split(address: str) -> tuple[str, Secret]:
    """An address without its passwords, and these.

    Raises:
        ConnectionInvalidError: it cannot be told where the password ends.
    """
    parts = urlsplit(address)
    if "#" in address or ("@" in address and "@" not in parts.netloc):
        raise ConnectionInvalidError(
            "The PostgreSQL URL cannot be read. Write special characters in the password as %23 (for #), %2F (for /),"
            " %3F (for ?), %40 (for @)."
        )
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    secret: Secret = {PASSWORD: password} if password else {}
    options = []
    for option in filter(None, parts.query.split("&")):
        key, _, value = option.partition("=")
        if unquote(key).lower() in _SECRET_OPTIONS:
            secret[_OPTION + key] = value
        else:
            options.append(option)
    return _address(parts, f"{name}{at}{host}", options), secret


def joined(address: str, secret: Secret) -> str:
    """The address with its passwords again."""
    parts = urlsplit(address)
    name, at, host = parts.netloc.rpartition("@")
    netloc = f"{name}:{secret[PASSWORD]}@{host}" if PASSWORD in secret else f"{name}{at}{host}"
    options = [f"{key.removeprefix(_OPTION)}={value}" for key, value in secret.items() if key.startswith(_OPTION)]
    return _address(parts, netloc, [*filter(None, [parts.query]), *options])


def has_hidden(secret: Secret) -> bool:
    """Whether the address was given as it is shown, with something in place of the password."""
    return any(unquote(value) == HIDDEN for value in secret.values())


def is_same_server(one: str, other: str) -> bool:
    """Whether two addresses without passwords name the same user of the same server."""
    return _server(urlsplit(one)) == _server(urlsplit(other))


def checked(kind: str, address: str, name: str) -> Connection:
    """A connection as a person described it. Raises ConnectionInvalidError."""
    connection = Connection.of(kind, address, name)
    if connection.kind is ConnectionKind.POSTGRES:
        split(address)
    return connection


def _address(parts: SplitResult, netloc: str, options: list[str]) -> str:
    """Like ``geturl``, which takes the slashes away where there is no host."""
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if options else ''}{'&'.join(options)}"


def _server(parts: SplitResult) -> tuple[str, str]:
    options = parts.query.split("&")
    return parts.netloc, "&".join(sorted(one for one in options if unquote(one).startswith(_SERVER_OPTIONS)))
