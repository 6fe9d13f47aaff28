"""The catalogue of agents over HTTP."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api import agents
from runtime.workbench import install
from tests.support.workbenches import open_workbench


@pytest.fixture
def workbench(tmp_path):
    workbench = open_workbench(tmp_path)
    install(workbench)
    yield workbench
    install(None)
    workbench.close()


def test_all_agents_are_listed_those_that_cannot_be_used_with_the_reason(workbench):
    personas = workbench.settings.data_dir / "personas"
    personas.mkdir()
    (personas / "critic.md").write_text("---\nname: Critic\n---\nJudge.\n", encoding="utf-8")
    (personas / "broken.md").write_text("no head", encoding="utf-8")
    listed = TestClient(Starlette(routes=agents.routes)).get("/api/v1/agents").json()["agents"]
    by_id = {agent["id"]: agent for agent in listed}
    assert [agent["id"] for agent in listed] == [agent.id for agent in workbench.agents.list()]
    assert by_id["critic"]["source"] == "yours"
    assert by_id["critic"]["problem"] is None
    assert "must begin with a YAML head" in by_id["broken"]["problem"]
    assert by_id["data_analyst"]["tools"] == ["data"]
