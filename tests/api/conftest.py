"""The REST API over a real application with the scripted model, without a network."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.api.routes import mounted_api
from colloquy.runtime.application import install
from tests.support.applications import open_application


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    application = open_application(tmp_path_factory.mktemp("application"))
    install(application)
    yield application
    install(None)
    application.close()


@pytest.fixture(scope="module")
def api(application):
    return Starlette(routes=[mounted_api()])


@pytest.fixture(scope="module")
def client(api):
    """What a program on this machine sees: unexpected errors are responses, too."""
    with TestClient(api, raise_server_exceptions=False) as client:
        yield client
