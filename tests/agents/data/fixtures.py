"""The shop in every kind of database."""

import pytest

from tests.agents.data.shops import KINDS, make_shop


@pytest.fixture(scope="session")
def shops(tmp_path_factory, request):
    """A function that returns the shop of a kind; each is created once."""
    made = {}

    def shop_of(kind):
        if kind not in made:
            url = request.getfixturevalue("postgres_url") if kind == "postgres" else None
            made[kind] = make_shop(kind, tmp_path_factory.mktemp(kind), url)
        return made[kind]

    yield shop_of
    for shop in made.values():
        shop.database.close()


@pytest.fixture(scope="session", params=KINDS)
def shop(request, shops):
    return shops(request.param)
