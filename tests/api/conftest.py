"""The REST API over a real workbench with the scripted model, without a network in between."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.api.routes import mounted_api
from colloquy.runtime.workbench import install
from tests.support.workbenches import open_workbench


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    workbench = open_workbench(tmp_path_factory.mktemp("workbench"))
    install(workbench)
    yield workbench
    install(None)
    workbench.close()


@pytest.fixture(scope="module")
def api(workbench):
    return Starlette(routes=[mounted_api()])


@pytest.fixture(scope="module")
def client(api):
    """What a program on this machine sees: errors that nobody foresaw are answers, too."""
    with TestClient(api, raise_server_exceptions=False) as client:
        yield client
