import pytest

from tests.support.workbenches import open_workbench


@pytest.fixture
def workbench(tmp_path):
    workbench = open_workbench(tmp_path)
    yield workbench
    workbench.close()
