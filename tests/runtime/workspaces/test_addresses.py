"""Addresses with passwords are taken apart and put together unchanged."""

import pytest

from colloquy.agents.data.connection import HIDDEN
from colloquy.agents.data.errors import ConnectionInvalidError
from colloquy.runtime.workspaces import addresses

PASSWORD = "s3cr%40t"


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        (f"postgresql://ada:{PASSWORD}@db.example:5432/shop", "postgresql://ada@db.example:5432/shop"),
        (f"postgres://ada:{PASSWORD}@one:1,two:2/shop", "postgres://ada@one:1,two:2/shop"),
        (
            f"postgresql://ada@db/shop?sslmode=require&password={PASSWORD}",
            "postgresql://ada@db/shop?sslmode=require",
        ),
        (f"postgresql://ada:{PASSWORD}@db/shop?SSLPassword={PASSWORD}", "postgresql://ada@db/shop"),
        ("postgresql://db/shop", "postgresql://db/shop"),
        ("postgresql:///shop?host=/var/run", "postgresql:///shop?host=/var/run"),
        ("postgresql://ada@[::1]:5432/shop", "postgresql://ada@[::1]:5432/shop"),
    ],
)
def test_stored_addresses_have_no_password(address, bare):
    kept, secret = addresses.split(address)
    assert kept == bare
    assert PASSWORD not in kept
    assert addresses.joined(kept, secret) == address


@pytest.mark.parametrize("password", ["p#w", "12#w", "p/w", "12/w", "p?w", "12?w"])
def test_a_password_that_breaks_the_address_is_refused_and_not_repeated(password):
    with pytest.raises(ConnectionInvalidError) as refused:
        addresses.checked("postgres", f"postgresql://ada:{password}@db/shop", "")
    assert password not in str(refused.value)
    assert "special characters" in str(refused.value)


def test_a_displayed_address_has_no_password():
    assert addresses.has_hidden(addresses.split(f"postgresql://ada:{HIDDEN}@db/shop")[1])
    assert not addresses.has_hidden(addresses.split("postgresql://ada:other@db/shop")[1])


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("postgresql://ada@db/other?sslmode=require", True),
        ("postgresql://ada@elsewhere/shop", False),
        ("postgresql://eve@db/shop", False),
        ("postgresql://ada@db:1/shop", False),
        ("postgresql://ada@db/shop?host=elsewhere", False),
        ("postgresql://ada@db/shop?hostaddr=10.0.0.1", False),
        ("postgresql://ada@db/shop?%68ost=elsewhere", False),
        ("postgresql://ada@db/shop?user=eve", False),
        ("postgresql://ada@db/shop?service=elsewhere", False),
    ],
)
def test_a_password_belongs_to_one_user_of_one_server(other, same):
    assert addresses.is_same_server("postgresql://ada@db/shop", other) is same
