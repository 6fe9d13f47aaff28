"""A tool that asks the user, answered by a program."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.api.routes import mounted_api
from colloquy.runtime.application import install
from tests.runtime import desk
from tests.support.applications import open_application, until, until_loaded

API = "/api/v1"


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    agents = tmp_path_factory.mktemp("agents")
    (agents / "clerks_desk").mkdir()
    (agents / "clerks_desk" / "__init__.py").write_text("from . import agent\n", encoding="utf-8")
    (agents / "clerks_desk" / "agent.py").write_text(desk.PLAIN, encoding="utf-8")
    application = open_application(tmp_path_factory.mktemp("data"), agents_dir=agents)
    until_loaded(application)
    install(application)
    yield application
    install(None)
    application.close()


@pytest.fixture
def client(application):
    with TestClient(Starlette(routes=[mounted_api()])) as client:
        yield client


def asking(client):
    """A turn that waits for the user, as returned."""
    answer = client.post(f"{API}/run_turn", json={"message": 'call pay {"amount": 5}', "agent_id": "clerks_desk"})
    assert answer.json()["status"] == "paused"
    return answer.json()


def answered(client, turn, approved):
    call_id = turn["messages"][-1]["tool_calls"][0]["id"]
    return client.post(f"{API}/turns/{turn['turn_id']}/answer", json={"call_id": call_id, "approved": approved})


def ended(client, application, turn):
    key = application.store.sessions.get(turn["session_id"]).key
    until(application, lambda: not application.turns.live(key))
    return client.get(f"{API}/turns/{turn['turn_id']}").json()


def test_a_turn_reports_that_it_waits(client):
    call = asking(client)["messages"][-1]["tool_calls"][0]
    assert (call["name"], call["args"], call["status"], call["result"]) == ("pay", {"amount": 5}, "waiting", None)


def test_an_approved_turn_continues(client, application):
    turn = asking(client)
    assert answered(client, turn, approved=True).status_code == 200
    state = ended(client, application, turn)
    assert state["status"] == "completed"
    assert [call["result"] for call in state["messages"][-1]["tool_calls"]] == [{"paid": 5}]


def test_a_declined_tool_does_not_run(client, application):
    turn = asking(client)
    answered(client, turn, approved=False)
    state = ended(client, application, turn)
    assert (state["status"], state["messages"][-1]["tool_calls"][0]["result"]) == ("completed", None)


def test_a_question_accepts_one_answer_only(client, application):
    turn = asking(client)
    answered(client, turn, approved=True)
    ended(client, application, turn)
    assert answered(client, turn, approved=True).status_code == 409


def test_a_waiting_turn_can_be_stopped(client):
    turn = asking(client)
    stopped = client.post(f"{API}/runtime/sessions/{turn['session_id']}/stop").json()
    assert stopped["turn_id"] == turn["turn_id"]
    assert client.get(f"{API}/turns/{turn['turn_id']}").json()["status"] == "stopped"
