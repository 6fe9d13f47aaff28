"""Every first message suggested by an agent with data is answered, whatever the model can do."""

import pytest

from session_store.models import SAMPLE_SHOP, TurnStatus
from tests.support.applications import conversation, finish, new_session, open_application

WITH_DATA = ("data_analyst", "history_analyst")


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    application = open_application(tmp_path_factory.mktemp("application"))
    yield application
    application.close()


@pytest.mark.parametrize("agent_id", WITH_DATA)
def test_each_starter_has_a_query_that_returns_rows_without_a_model(application, agent_id):
    talk = new_session(application)
    finish(application, application.turns.submit(talk, "something to find in the history"))
    prompts = application.agents.get(agent_id).prompts
    assert len(prompts) >= 4
    for prompt in prompts:
        key = new_session(application, agent_id, workspace_id=SAMPLE_SHOP)
        [turn] = finish(application, application.turns.submit(key, prompt.text))
        steps = [step for message in conversation(application, key) for step in message.steps]
        assert (turn.status, turn.model) == (TurnStatus.COMPLETED, None), prompt.label
        assert steps, prompt.label
        assert not [step.error for step in steps if step.name == "run_sql" and step.error], prompt.label
