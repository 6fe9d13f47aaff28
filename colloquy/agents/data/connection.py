"""Describes where data is: a connection, whose password is never shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from colloquy.agents.data.errors import ConnectionInvalidError
from colloquy.agents.data.guard.functions import Dialect

HIDDEN: Final = "•••"
_SECRET_OPTIONS: Final = frozenset({"password", "sslpassword", "passfile", "sslkey", "oauth_client_secret"})
_SCHEMES: Final = ("postgresql", "postgres")
_SHORTEST_REDACTED: Final = 3


class ConnectionKind(StrEnum):
    """The kinds of data sources."""

    DUCKDB = "duckdb"
    SQLITE = "sqlite"
    FOLDER = "folder"
    POSTGRES = "postgres"

    @property
    def dialect(self) -> Dialect:
        """The dialect of SQL used there."""
        return _DIALECTS[self]


_DIALECTS: Final[dict[ConnectionKind, Dialect]] = {
    ConnectionKind.DUCKDB: "duckdb",
    ConnectionKind.SQLITE: "sqlite",
    ConnectionKind.FOLDER: "duckdb",
    ConnectionKind.POSTGRES: "postgres",
}


@dataclass(frozen=True, slots=True)
class Connection:
    """One data source. ``address`` is a path, or for PostgreSQL a URL that may contain a password."""

    kind: ConnectionKind
    address: SecretStr
    name: str

    @classmethod
    def of(cls, kind: ConnectionKind | str, address: str, name: str = "") -> Connection:
        """Describe a connection. Without a name, it is named after its file or database.

        Raises:
            ConnectionInvalidError: says what is wrong with the address, without repeating a password.
        """
        try:
            known = ConnectionKind(kind)
        except ValueError:
            raise ConnectionInvalidError(
                f"{kind!r} is not a kind of connection. Use one of {', '.join(ConnectionKind)}."
            ) from None
        address = address.strip()
        if not address:
            raise ConnectionInvalidError("The connection has no address. Enter the path of a file or folder, or a URL.")
        if known is ConnectionKind.POSTGRES:
            _check_url(address)
        else:
            address = str(Path(os.path.expanduser(address)).absolute())  # noqa: PTH111 - without a home, unchanged
        return cls(known, SecretStr(address), name.strip() or _name_of(known, address))

    @property
    def shown_address(self) -> str:
        """The address without passwords, safe to show to anyone."""
        address = self.address.get_secret_value()
        if self.kind is not ConnectionKind.POSTGRES:
            return address
        parts = urlsplit(address)
        user, separator, host = parts.netloc.rpartition("@")
        user_name, colon, _ = user.partition(":")
        netloc = f"{user_name}{':' + HIDDEN if colon else ''}{separator}{host}"
        query = [
            (key, HIDDEN if key.lower() in _SECRET_OPTIONS else value)
            for key, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        return urlunsplit((parts.scheme, netloc, parts.path, urlencode(query, safe=HIDDEN + "/"), ""))

    def redacted(self, text: str) -> str:
        """A text, for instance an error message, with this connection's passwords and full address replaced."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _secrets(self) -> set[str]:
        if self.kind is not ConnectionKind.POSTGRES:
            return set()
        address = self.address.get_secret_value()
        parts = urlsplit(address)
        user, _, _ = parts.netloc.rpartition("@")
        raw = [user.partition(":")[2]]
        raw += [value for key, value in parse_qsl(parts.query) if key.lower() in _SECRET_OPTIONS]
        found = {address, *raw, *map(unquote, raw)}
        return {secret for secret in found if len(secret) >= _SHORTEST_REDACTED}

    def __str__(self) -> str:
        return f"{self.name} ({self.shown_address})"


def _check_url(address: str) -> None:
    expected = "It looks like postgresql://user:password@host:5432/database."
    try:
        parts = urlsplit(address)
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ConnectionInvalidError(
            f"The PostgreSQL URL cannot be read. {expected} Write special characters in the password as %40 (for @), "
            "%2F (for /), %3A (for :)."
        ) from None
    if parts.scheme not in _SCHEMES or not is_port:
        raise ConnectionInvalidError(f"This is not a PostgreSQL URL. {expected}")


def _name_of(kind: ConnectionKind, address: str) -> str:
    if kind is ConnectionKind.POSTGRES:
        parts = urlsplit(address)
        return unquote(parts.path.lstrip("/")) or parts.hostname or "PostgreSQL"
    return Path(address).stem
