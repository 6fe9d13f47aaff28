"""Catalogs over real files and servers, and conversations run by ADK's Runner."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colloquy.agents.models import ModelCatalogue
from colloquy.settings import Settings
from tests.agents.models.http_server import HttpServer, http_server


@pytest.fixture(autouse=True)
def _no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith("COLLOQUY_") or name in {"GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"}:
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


CatalogueOf = Callable[..., ModelCatalogue]


@pytest.fixture
def catalogue_of(tmp_path: Path) -> Iterator[CatalogueOf]:
    """Makes catalogs with given settings, and closes them after the test."""
    made: list[ModelCatalogue] = []

    def make(**settings: Any) -> ModelCatalogue:
        catalogue = ModelCatalogue(Settings(_env_file=None, **{"models_dir": tmp_path, **settings}))
        made.append(catalogue)
        return catalogue

    yield make
    for catalogue in made:
        catalogue.close()
