"""The shop in every kind of place. Without PostgreSQL its tests are skipped, loudly, unless it is required."""

import os

import pytest

from tests.agents.data.postgres import NO_POSTGRES, POSTGRES_REQUIRED, postgres_programs, running_postgres
from tests.agents.data.shops import KINDS, make_shop


@pytest.fixture(scope="session")
def postgres_url():
    if postgres_programs() is None:
        if os.environ.get(POSTGRES_REQUIRED) == "1":
            pytest.fail(NO_POSTGRES, pytrace=False)
        pytest.skip(f"!!! TESTS ON POSTGRESQL ARE SKIPPED: {NO_POSTGRES} !!!")
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def shops(tmp_path_factory, request):
    """A function that gives the shop of a kind; each is made once."""
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
