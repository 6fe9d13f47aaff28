import shutil

import pytest

from agents.data.shop import sample_shop
from runtime.workbench import SAMPLES
from tests.support.workbenches import open_workbench


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
