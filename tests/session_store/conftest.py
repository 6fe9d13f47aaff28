from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from session_store import DuckDBSessionService, Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with_file = Store(path)
    yield with_file
    with_file.close()


@pytest.fixture
async def service(path: Path) -> AsyncIterator[DuckDBSessionService]:
    async with DuckDBSessionService(path) as opened:
        yield opened
