"""Takes PostgreSQL addresses apart: what may be stored anywhere, and the passwords in them."""

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
    """Split an address into the address without its passwords, and the passwords.

    Raises:
        ConnectionInvalidError: it is unclear where the password ends.
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
    """Put an address and its passwords back together."""
    parts = urlsplit(address)
    name, at, host = parts.netloc.rpartition("@")
    netloc = f"{name}:{secret[PASSWORD]}@{host}" if PASSWORD in secret else f"{name}{at}{host}"
    options = [f"{key.removeprefix(_OPTION)}={value}" for key, value in secret.items() if key.startswith(_OPTION)]
    return _address(parts, netloc, [*filter(None, [parts.query]), *options])


def has_hidden(secret: Secret) -> bool:
    """Whether the address was given as pages show it, with a placeholder for the password."""
    return any(unquote(value) == HIDDEN for value in secret.values())


def is_same_server(one: str, other: str) -> bool:
    """Whether two addresses without passwords name the same user on the same server."""
    return _server(urlsplit(one)) == _server(urlsplit(other))


def checked(kind: str, address: str, name: str) -> Connection:
    """Return a connection from what a person entered. Raises ConnectionInvalidError."""
    connection = Connection.of(kind, address, name)
    if connection.kind is ConnectionKind.POSTGRES:
        split(address)
    return connection


def _address(parts: SplitResult, netloc: str, options: list[str]) -> str:
    """Like ``geturl``, which removes the slashes if there is no host."""
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if options else ''}{'&'.join(options)}"


def _server(parts: SplitResult) -> tuple[str, str]:
    options = parts.query.split("&")
    return parts.netloc, "&".join(sorted(one for one in options if unquote(one).startswith(_SERVER_OPTIONS)))
