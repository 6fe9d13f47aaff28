from __future__ import annotations

import pytest

from tests.session_store.history.conversations import fill


@pytest.fixture
def history(store):
    fill(store)
    return store
