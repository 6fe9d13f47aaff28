"""Every first message that an agent with data offers is answered whatever the model can do."""

import pytest

from session_store.models import SAMPLE_SHOP, TurnStatus
from tests.support.workbenches import conversation, finish, new_session, open_workbench

WITH_DATA = ("data_analyst", "history_analyst")


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    workbench = open_workbench(tmp_path_factory.mktemp("workbench"))
    yield workbench
    workbench.close()


@pytest.mark.parametrize("agent_id", WITH_DATA)
def test_each_brings_its_query_and_gets_rows_without_a_model(workbench, agent_id):
    talk = new_session(workbench)
    finish(workbench, workbench.turns.submit(talk, "something to find in the history"))
    prompts = workbench.agents.get(agent_id).prompts
    assert len(prompts) >= 4
    for prompt in prompts:
        key = new_session(workbench, agent_id, workspace_id=SAMPLE_SHOP)
        [turn] = finish(workbench, workbench.turns.submit(key, prompt.text))
        steps = [step for message in conversation(workbench, key) for step in message.steps]
        assert (turn.status, turn.model) == (TurnStatus.COMPLETED, None), prompt.label
        assert steps, prompt.label
        assert not [step.error for step in steps if step.name == "run_sql" and step.error], prompt.label
