import shutil
from itertools import count

import pytest
from structlog.testing import capture_logs

from colloquy.agents.data.shop.shop import sample_shop
from colloquy.runtime.application import SAMPLES
from tests.agents.folders import agent_folders
from tests.support.applications import open_application, until_loaded

NUMBERS = count(1)


@pytest.fixture
def application(tmp_path):
    application = open_application(tmp_path)
    yield application
    application.close()


@pytest.fixture(scope="session")
def made_shop(tmp_path_factory):
    """The sample shop, made once for all tests."""
    return sample_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def sample_data(made_shop, tmp_path):
    """Puts the sample shop into the test's data folder."""
    (tmp_path / SAMPLES).mkdir()
    shutil.copy(made_shop, tmp_path / SAMPLES / made_shop.name)


@pytest.fixture
def agent_folder(tmp_path):
    with agent_folders(tmp_path) as write:
        yield write


@pytest.fixture
def opened(agent_folder, tmp_path):
    """Opens an application with an agent folder, and reopens it after a restart."""
    applications = []

    def open_with(code):
        name = f"asking_desk_{next(NUMBERS)}"
        agent_folder(name, code.replace("{name!r}", repr(name)))

        def start():
            for application in applications:
                application.close()
            applications.append(open_application(tmp_path / "data", agents_dir=agent_folder.parent))
            until_loaded(applications[-1])
            return applications[-1]

        return name, start

    with capture_logs():  # printing the values of all variables takes seconds
        yield open_with
        for application in applications:
            application.close()
