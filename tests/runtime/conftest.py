import shutil
from itertools import count

import pytest
from structlog.testing import capture_logs

from colloquy.agents.data.shop.shop import sample_shop
from colloquy.runtime.workbench import SAMPLES
from tests.agents.folders import agent_folders
from tests.support.workbenches import open_workbench, until_loaded

NUMBERS = count(1)


@pytest.fixture
def workbench(tmp_path):
    workbench = open_workbench(tmp_path)
    yield workbench
    workbench.close()


@pytest.fixture(scope="session")
def made_shop(tmp_path_factory):
    """The sample shop, made once for all tests."""
    return sample_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def sample_data(made_shop, tmp_path):
    """The data folder of the test has the sample shop already."""
    (tmp_path / SAMPLES).mkdir()
    shutil.copy(made_shop, tmp_path / SAMPLES / made_shop.name)


@pytest.fixture
def agent_folder(tmp_path):
    with agent_folders(tmp_path) as write:
        yield write


@pytest.fixture
def opened(agent_folder, tmp_path):
    """Opens a workbench with an agent folder, and opens it again after a restart."""
    workbenches = []

    def open_with(code):
        name = f"asking_desk_{next(NUMBERS)}"
        agent_folder(name, code.replace("{name!r}", repr(name)))

        def start():
            for workbench in workbenches:
                workbench.close()
            workbenches.append(open_workbench(tmp_path / "data", agents_dir=agent_folder.parent))
            until_loaded(workbenches[-1])
            return workbenches[-1]

        return name, start

    with capture_logs():  # printing the values of all variables takes seconds
        yield open_with
        for workbench in workbenches:
            workbench.close()
