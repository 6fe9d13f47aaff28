from __future__ import annotations

import pytest

from session_store import Store
from tests.session_store.history.conversations import BREAD, STARS, TIDES, fill, rate


@pytest.fixture
def filled(store):
    fill(store)
    return store


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A shared store for read-only tests, with feedback."""
    store = Store(tmp_path_factory.mktemp("shown") / "chats.duckdb")
    fill(store)
    rate(store)
    store.labels.set_tags([TIDES], add=["Sea"])
    store.labels.set_tags([STARS], add=["sky"])
    store.sessions.set_saved([BREAD], saved=True)
    yield store
    store.close()
